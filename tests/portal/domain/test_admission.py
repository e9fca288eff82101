"""Admission and extension: closing time, grace, visit limits, and sites without hours."""

from dataclasses import replace
from datetime import datetime, time, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.domain.admission import (
    Admit,
    Extended,
    NotExtendable,
    RefuseClosed,
    RefuseMethod,
    admit,
    closing_end,
    extend,
    latest_end,
    offered_extension,
)
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.session import EndReason, Ground, Session
from portal.domain.session import end as end_session
from portal.domain.site import LoginMethod, Site

HOUR = timedelta(hours=1)
GRACE = timedelta(minutes=15)


def test_until_closing_time_plus_grace(site: Site, now: datetime) -> None:
    closing = now.replace(hour=18) + GRACE
    assert admit(site, Ground.CARD, now) == Admit(closing, EndReason.CLOSING_TIME)


def test_a_visit_limit_comes_first_unless_closing_does(site: Site, now: datetime) -> None:
    limited = replace(site, time_limit=2 * HOUR)
    assert admit(limited, Ground.CARD, now) == Admit(now + 2 * HOUR, EndReason.TIME_LIMIT)
    late = now.replace(hour=17)
    closing = now.replace(hour=18) + GRACE
    assert admit(limited, Ground.CARD, late) == Admit(closing, EndReason.CLOSING_TIME)
    assert admit(limited, Ground.TUTOR, now) == Admit(closing, EndReason.CLOSING_TIME)


def test_closed_says_when_it_opens(site: Site, now: datetime) -> None:
    night = now.replace(hour=20)
    opens = now.replace(hour=9) + 24 * HOUR
    assert admit(site, Ground.CARD, night) == RefuseClosed(opens)
    shut = replace(site, opening_hours=OpeningHours("Europe/Stockholm", ((),) * 7))
    assert admit(shut, Ground.CARD, now) == RefuseClosed(None)


def test_during_grace_the_rest_of_it(site: Site, now: datetime) -> None:
    closing = now.replace(hour=18)
    just_before = closing + GRACE - timedelta(seconds=1)
    assert admit(site, Ground.CARD, closing) == Admit(closing + GRACE, EndReason.CLOSING_TIME)
    assert admit(site, Ground.CARD, just_before) == Admit(closing + GRACE, EndReason.CLOSING_TIME)
    assert isinstance(admit(site, Ground.CARD, closing + GRACE), RefuseClosed)


def test_21_hours_where_nothing_closes(site: Site, now: datetime) -> None:
    end = Admit(now + 21 * HOUR, EndReason.TIME_LIMIT)
    assert admit(replace(site, opening_hours=None), Ground.CARD, now) == end
    always = OpeningHours("Europe/Stockholm", ((Span(time(0), time(0)),),) * 7)
    assert admit(replace(site, opening_hours=always), Ground.CARD, now) == end
    assert admit(site, Ground.ALLOWED_DEVICE, now.replace(hour=22)) == Admit(
        now.replace(hour=22) + 21 * HOUR, EndReason.TIME_LIMIT
    )


def test_only_what_the_site_offers(site: Site, now: datetime) -> None:
    assert admit(site, Ground.VOUCHER, now) == RefuseMethod()
    assert admit(site, Ground.OPEN, now) == RefuseMethod()
    assert isinstance(admit(site, Ground.ACCEPT, now), Admit)
    assert isinstance(admit(site, Ground.REMEMBERED, now), Admit)


def test_a_voucher_brings_its_own_clock_and_only_staff_move_it(
    site: Site, session: Session, now: datetime
) -> None:
    limited = replace(site, login_methods=(LoginMethod.CODE,), time_limit=HOUR)
    closing = Admit(now.replace(hour=18) + GRACE, EndReason.CLOSING_TIME)
    assert admit(limited, Ground.VOUCHER, now) == closing
    by_voucher = replace(session, ground=Ground.VOUCHER)
    assert extend(by_voucher, limited, now) == NotExtendable()
    assert offered_extension(by_voucher, limited, now) is None


def test_an_extension_adds_a_visit_up_to_closing(
    site: Site, session: Session, now: datetime
) -> None:
    limited = replace(site, time_limit=HOUR)
    assert extend(session, limited, now) == Extended(now + 2 * HOUR, EndReason.TIME_LIMIT)
    late = replace(session, ends_at=now.replace(hour=17, minute=45))
    closing = now.replace(hour=18) + GRACE
    assert extend(late, limited, now) == Extended(closing, EndReason.CLOSING_TIME)


def test_what_cannot_be_extended(site: Site, session: Session, now: datetime) -> None:
    limited = replace(site, time_limit=HOUR)
    by_closing = replace(session, ends_because=EndReason.CLOSING_TIME)
    assert extend(by_closing, limited, now) == NotExtendable()
    assert extend(session, limited, session.ends_at) == NotExtendable()
    ended = end_session(session, EndReason.LOGGED_OUT, now)
    assert extend(ended, limited, now) == NotExtendable()
    at_night = replace(session, ends_at=now.replace(hour=23))
    assert extend(at_night, limited, now.replace(hour=22)) == NotExtendable()
    beyond = replace(session, ends_at=now.replace(hour=19))
    assert extend(beyond, limited, now) == NotExtendable()


def test_when_the_page_offers_an_extension(site: Site, session: Session, now: datetime) -> None:
    limited = replace(site, time_limit=HOUR)
    assert offered_extension(session, limited, now) == HOUR
    anytime = replace(site, opening_hours=None)
    long = replace(session, ends_at=now + 21 * HOUR)
    assert offered_extension(long, anytime, now) is None
    assert offered_extension(long, anytime, now + 20 * HOUR) == 20 * HOUR


def test_what_is_offered_is_what_a_press_gives(site: Site, session: Session, now: datetime) -> None:
    limited = replace(site, time_limit=HOUR)
    late = replace(session, ends_at=now.replace(hour=17, minute=45))
    offered = offered_extension(late, limited, now)
    answer = extend(late, limited, now)
    assert isinstance(answer, Extended)
    assert offered == answer.ends_at - late.ends_at < HOUR


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    minutes=st.lists(st.integers(0, 24 * 60), max_size=30),
    limit=st.none() | st.integers(10, 30 * 60).map(lambda m: timedelta(minutes=m)),
)
def test_no_number_of_extensions_goes_beyond_closing(
    site: Site, session: Session, now: datetime, minutes: list[int], limit: timedelta | None
) -> None:
    limited = replace(site, time_limit=limit)
    closing = now.replace(hour=18) + GRACE
    current = session
    for minute in minutes:
        answer = extend(current, limited, now + timedelta(minutes=minute))
        if isinstance(answer, Extended):
            assert current.ends_at < answer.ends_at <= closing + timedelta(days=1)
            if now + timedelta(minutes=minute) < closing:
                assert answer.ends_at <= closing
            current = replace(current, ends_at=answer.ends_at, ends_because=answer.ends_because)


def test_an_open_site_lets_everybody_in(site: Site, now: datetime) -> None:
    assert isinstance(
        admit(replace(site, login_methods=(LoginMethod.NONE,)), Ground.OPEN, now), Admit
    )


def test_courtesy_lasts_its_own_time_and_is_not_extended(
    site: Site, session: Session, now: datetime
) -> None:
    minutes = replace(site, courtesy_length=timedelta(minutes=30), time_limit=2 * HOUR)
    end = Admit(now + timedelta(minutes=30), EndReason.TIME_LIMIT)
    assert admit(minutes, Ground.COURTESY, now) == end
    unchecked = replace(session, ground=Ground.COURTESY)
    assert extend(unchecked, minutes, now) == NotExtendable()
    assert offered_extension(unchecked, minutes, now) is None
    no_cards = replace(site, login_methods=(LoginMethod.ACCEPT,))
    assert admit(no_cards, Ground.COURTESY, now) == RefuseMethod()


def test_the_ends_that_closing_time_makes(site: Site, now: datetime) -> None:
    closes = latest_end(site, now)
    assert closes == closing_end(site, now)
    assert closes is not None
    assert (latest_end(site, closes), closing_end(site, closes)) == (None, closes)
    always = replace(site, opening_hours=None)
    assert latest_end(always, now) == now + always.longest_session
    assert closing_end(always, now) is None


def test_hours_that_never_close_end_nobody(site: Site, now: datetime) -> None:
    day_and_night = OpeningHours("Europe/Stockholm", ((Span(time(0), time(0)),),) * 7)
    assert closing_end(replace(site, opening_hours=day_and_night), now) is None


def test_the_code_of_the_day_is_a_switch_of_the_site_and_an_ordinary_visit(
    site: Site, now: datetime
) -> None:
    assert admit(site, Ground.DAY_CODE, now) == RefuseMethod()
    shown = replace(site, code_of_the_day=True, time_limit=HOUR)
    assert admit(shown, Ground.DAY_CODE, now) == Admit(now + HOUR, EndReason.TIME_LIMIT)
    assert isinstance(admit(shown, Ground.DAY_CODE, now.replace(hour=20)), RefuseClosed)
