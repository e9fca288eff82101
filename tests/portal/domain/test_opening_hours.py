"""Opening hours: nights, several spans, holidays and both clock changes."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.opening_hours import LOOK_AHEAD, OpeningHours, Span

STOCKHOLM = "Europe/Stockholm"
MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(*spans: tuple[str, str], **exceptions: tuple[Span, ...]) -> OpeningHours:
    """The same spans every day; exceptions are keyed d2026_12_24."""
    week = (tuple(span(a, b) for a, b in spans),) * 7
    dated = {date(*map(int, k[1:].split("_"))): v for k, v in exceptions.items()}
    return OpeningHours(STOCKHOLM, week, dated)


def span(opens: str, closes: str) -> Span:
    return Span(time.fromisoformat(opens), time.fromisoformat(closes))


def test_an_ordinary_day() -> None:
    week = hours(("10:00", "19:00"))
    assert not week.is_open(utc("2026-11-25 08:59"))
    assert week.is_open(utc("2026-11-25 09:00"))
    assert week.closes_at(utc("2026-11-25 09:00")) == utc("2026-11-25 18:00")
    assert not week.is_open(utc("2026-11-25 18:00"))
    assert week.closes_at(utc("2026-11-25 18:00")) is None
    assert week.opens_at(utc("2026-11-25 18:00")) == utc("2026-11-26 09:00")
    assert week.last_closed_at(utc("2026-11-25 18:10")) == utc("2026-11-25 18:00")


def test_several_spans_a_day() -> None:
    week = hours(("09:00", "12:00"), ("13:00", "17:00"))
    assert week.closes_at(utc("2026-11-25 10:00")) == utc("2026-11-25 11:00")
    assert not week.is_open(utc("2026-11-25 11:30"))
    assert week.opens_at(utc("2026-11-25 11:30")) == utc("2026-11-25 12:00")


def test_a_span_past_midnight() -> None:
    week = hours(("18:00", "02:00"))
    assert week.is_open(utc("2026-11-25 00:30"))
    assert week.closes_at(utc("2026-11-25 22:30")) == utc("2026-11-26 01:00")


def test_spans_that_touch_at_midnight_are_one_opening() -> None:
    week = hours(("00:00", "02:00"), ("20:00", "00:00"))
    assert week.closes_at(utc("2026-11-25 20:00")) == utc("2026-11-26 01:00")


def test_always_open_never_closes() -> None:
    week = hours(("00:00", "00:00"))
    assert week.is_open(utc("2026-11-25 12:00"))
    assert week.closes_at(utc("2026-11-25 12:00")) is None


def test_a_dated_exception_replaces_the_day_but_not_the_night_before() -> None:
    week = hours(("18:00", "02:00"), d2026_12_24=(), d2026_12_26=(span("10:00", "12:00"),))
    assert week.is_open(utc("2026-12-24 00:30"))
    assert not week.is_open(utc("2026-12-24 19:00"))
    assert week.opens_at(utc("2026-12-24 19:00")) == utc("2026-12-25 17:00")
    assert week.closes_at(utc("2026-12-26 09:30")) == utc("2026-12-26 11:00")


def test_no_opening_within_two_weeks() -> None:
    closed = OpeningHours(STOCKHOLM, ((),) * 7)
    now = utc("2026-07-01 12:00")
    assert closed.opens_at(now) is None
    assert closed.last_closed_at(now) is None
    late = OpeningHours(STOCKHOLM, ((),) * 7, {date(2026, 7, 16): (span("10:00", "12:00"),)})
    assert late.opens_at(now) is None
    assert late.opens_at(utc("2026-07-02 12:00")) == utc("2026-07-16 08:00")


def test_the_spring_change_shortens_the_night() -> None:
    week = hours(("22:00", "04:00"))  # 2026-03-29: 02:00 becomes 03:00
    assert week.closes_at(utc("2026-03-28 22:00")) == utc("2026-03-29 02:00")


def test_a_skipped_time_means_the_same_distance_after_the_change() -> None:
    opening = hours(("02:30", "06:00"))
    assert not opening.is_open(utc("2026-03-29 01:29"))
    assert opening.is_open(utc("2026-03-29 01:30"))
    closing = hours(("22:00", "02:30"))
    assert closing.closes_at(utc("2026-03-28 23:00")) == utc("2026-03-29 01:30")
    swallowed = hours(("02:30", "03:15"))
    assert not swallowed.is_open(utc("2026-03-29 01:20"))


def test_the_autumn_change_gives_the_longer_opening() -> None:
    week = hours(("02:15", "02:45"))  # 2026-10-25: 03:00 becomes 02:00
    assert week.is_open(utc("2026-10-25 00:15"))
    assert week.is_open(utc("2026-10-25 01:15"))
    assert week.closes_at(utc("2026-10-25 00:20")) == utc("2026-10-25 01:45")


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="seven days"):
        OpeningHours(STOCKHOLM, ((),) * 6)
    with pytest.raises(ValueError, match="unknown time zone"):
        OpeningHours("Europe/Nowhere", ((),) * 7)
    with pytest.raises(ValueError, match="unknown time zone"):
        OpeningHours("../../etc/passwd", ((),) * 7)
    with pytest.raises(ValueError, match="without a zone"):
        Span(time(10, tzinfo=UTC), time(12))


spans = st.builds(Span, st.times(), st.times())
weeks = st.lists(st.lists(spans, max_size=3).map(tuple), min_size=7, max_size=7).map(tuple)
instants = st.integers(0, 3 * 366 * 24 * 3600).map(
    lambda seconds: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(weeks, instants)
def test_the_answers_agree_with_each_other(
    week: tuple[tuple[Span, ...], ...], now: datetime
) -> None:
    site = OpeningHours(STOCKHOLM, week)
    closes, opens = site.closes_at(now), site.opens_at(now)
    if closes is not None:
        assert site.is_open(now)
        assert site.is_open(closes - timedelta(microseconds=1))
        assert not site.is_open(closes)
    if opens is not None:
        assert now < opens <= now + LOOK_AHEAD
        assert site.is_open(opens)
        assert closes is None or closes < opens
