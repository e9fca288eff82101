"""What a device may take up again, and who goes on with whose session."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.identity import MacAddress, Subject
from portal.domain.returning import (
    KEPT_AFTER_VISIT,
    Proof,
    RememberedDevice,
    Return,
    Ticket,
    comes_back,
    expires_at,
    label_of,
    predecessor,
    ticket_for,
    visited,
)
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import Site

CARD, DAY, MINUTE = Subject(b"c" * 32), timedelta(days=1), timedelta(minutes=1)
NAME, NEW_NAME = Subject(b"n" * 32), Subject(b"m" * 32)


def ended(session: Session, reason: EndReason, **changes: object) -> Session:
    return replace(session, ended_at=session.ends_at, end_reason=reason, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "silently"),
    [
        (EndReason.ABSENT, True),
        (EndReason.TIME_LIMIT, False),
        (EndReason.LOGGED_OUT, None),
        (EndReason.REVOKED, None),
        (EndReason.REPLACED, None),
        (EndReason.CLOSING_TIME, None),
    ],
)
def test_only_an_end_that_nobody_wished_leaves_a_ticket(
    session: Session, now: datetime, reason: EndReason, *, silently: bool | None
) -> None:
    ticket = ticket_for(ended(session, reason), now + DAY)
    assert (None if ticket is None else ticket.silently) is silently


@pytest.mark.parametrize(
    ("ground", "comes_as"),
    [
        (Ground.CARD, Ground.REMEMBERED),
        (Ground.REMEMBERED, Ground.REMEMBERED),
        (Ground.TUTOR, Ground.TUTOR),
        (Ground.ACCEPT, Ground.ACCEPT),
        (Ground.OPEN, Ground.OPEN),
        (Ground.VOUCHER, Ground.VOUCHER),
        (Ground.COURTESY, None),
        (Ground.RADIUS, None),
        (Ground.ALLOWED_DEVICE, None),
    ],
)
def test_a_ticket_is_of_the_same_guest_and_never_says_that_a_card_was_shown(
    session: Session, now: datetime, ground: Ground, comes_as: Ground | None
) -> None:
    over = ended(session, EndReason.ABSENT, ground=ground, subject=CARD)
    ticket = ticket_for(over, now + DAY)
    assert ticket == (comes_as and Ticket(comes_as, CARD, now + DAY, silently=True))


def test_who_went_on_under_another_address_leaves_no_ticket(
    session: Session, now: datetime
) -> None:
    assert ticket_for(ended(session, EndReason.ABSENT, succeeded=True), now + DAY) is None


def remembered(now: datetime) -> RememberedDevice:
    return RememberedDevice(UUID(int=1), NAME, CARD, "iPhone", now, now, now, now + 90 * DAY)


def test_a_silent_ticket_goes_before_the_memory(now: datetime) -> None:
    ticket = Ticket(Ground.TUTOR, None, now + MINUTE, silently=True)
    by_ticket = Return(Proof.TICKET, Ground.TUTOR, None)
    assert comes_back(ticket, remembered(now), now) == by_ticket
    assert comes_back(ticket, None, now, pressed=True) == by_ticket
    assert comes_back(ticket, None, now + MINUTE) is None


def test_a_ticket_for_a_press_holds_against_the_memory(now: datetime) -> None:
    ticket = Ticket(Ground.REMEMBERED, CARD, now + MINUTE, silently=False)
    assert comes_back(ticket, remembered(now), now) is None
    assert comes_back(ticket, remembered(now), now, pressed=True) == Return(
        Proof.TICKET, Ground.REMEMBERED, CARD
    )
    assert comes_back(ticket, remembered(now), now + MINUTE) == Return(
        Proof.REMEMBERED, Ground.REMEMBERED, CARD
    )


def test_a_remembered_device_comes_back_until_it_expires(now: datetime) -> None:
    device = remembered(now)
    assert comes_back(None, None, now, pressed=True) is None
    assert comes_back(None, device, device.expires_at - MINUTE) is not None
    assert comes_back(None, device, device.expires_at, pressed=True) is None


def test_after_a_log_out_it_does_not_come_back_that_day(now: datetime) -> None:
    device = replace(remembered(now), paused_until=now + DAY)
    assert comes_back(None, device, now) is None
    assert comes_back(None, device, now, pressed=True) is None
    assert comes_back(None, device, now + DAY) is not None


def test_a_visit_prolongs_the_memory_and_ends_the_pause(now: datetime) -> None:
    device = replace(remembered(now), paused_until=now + DAY)
    after = visited(device, NEW_NAME, now + DAY)
    assert (after.name, after.last_visit_at, after.paused_until) == (NEW_NAME, now + DAY, None)
    assert after.expires_at == expires_at(now + DAY, now)
    assert visited(device, NEW_NAME, now - DAY).last_visit_at == now


def test_the_memory_ends_with_the_key_that_names_its_card() -> None:
    shown = datetime(2026, 2, 1, tzinfo=UTC)
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert expires_at(shown, shown) == shown + KEPT_AFTER_VISIT
    assert expires_at(new_year + 5 * DAY, shown) == new_year + KEPT_AFTER_VISIT


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15", "iPhone"),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X)", "iPad"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/130", "Android"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/130", "Chromebook"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/130", "Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0", "Linux"),
        ("<b>Olle's phone</b>", ""),
        ("", ""),
    ],
)
def test_a_label_is_a_kind_of_device_and_nothing_that_was_typed(agent: str, label: str) -> None:
    assert label_of(agent) == label


def test_the_day_ends_at_the_sites_midnight(site: Site) -> None:
    evening = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)  # 23:30 in Stockholm
    assert site.end_of_day(evening) == datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
    assert site.end_of_day(evening + timedelta(hours=1)) == datetime(2026, 11, 26, 23, tzinfo=UTC)
    longest = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 25 hours: the clocks go back
    assert site.end_of_day(longest) == datetime(2026, 10, 25, 23, 0, tzinfo=UTC)
    without_hours = replace(site, opening_hours=None)
    assert without_hours.end_of_day(evening) == datetime(2026, 11, 26, tzinfo=UTC)


NEW_MAC = MacAddress("da:00:00:00:00:09")


def quiet(session: Session, number: int, now: datetime, minutes: float = 2) -> Session:
    return replace(
        session,
        id=UUID(int=number),
        mac=MacAddress(f"06:00:00:00:00:{number:02x}"),
        last_seen_at=now - minutes * MINUTE,
    )


def test_the_card_goes_on_with_the_session_last_heard_of_that_is_quiet(
    session: Session, now: datetime
) -> None:
    old, newer = quiet(session, 1, now, 30), quiet(session, 2, now, 3)
    in_use = quiet(session, 3, now, 1.9)
    assert predecessor([old, newer, in_use], NEW_MAC, now) == newer
    assert predecessor([in_use], NEW_MAC, now) is None
    assert predecessor([], NEW_MAC, now) is None
    assert predecessor([quiet(session, 1, now)], NEW_MAC, now) is not None


def test_a_device_with_an_address_from_its_factory_is_another_device(
    session: Session, now: datetime
) -> None:
    phone = quiet(session, 1, now)
    assert predecessor([phone], MacAddress("00:1b:63:00:00:09"), now) is None
    assert predecessor([replace(phone, mac=MacAddress("00:1b:63:00:00:01"))], NEW_MAC, now) is None


def test_neither_the_device_itself_nor_one_that_has_a_successor_nor_one_that_is_over(
    session: Session, now: datetime
) -> None:
    phone = quiet(session, 1, now)
    assert predecessor([phone], phone.mac, now) is None
    assert predecessor([replace(phone, succeeded=True)], NEW_MAC, now) is None
    assert predecessor([replace(phone, ends_at=now)], NEW_MAC, now) is None
