"""The log's names, cursors and weeks."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.identity import SiteId
from portal.domain.session import EndReason, Ground
from portal.domain.session_log import (
    ONLINE,
    Cursor,
    LogFilter,
    Named,
    Point,
    instant_of,
    mondays,
    name_of,
    read_cursor,
    read_name,
    read_point,
    sought_in_weeks,
    write_cursor,
    write_point,
)

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.binary(min_size=32, max_size=32), st.sampled_from(Named))
def test_a_name_leads_back_to_its_trace(trace: bytes, what: Named) -> None:
    sought = read_name(name_of(what, trace).lower(), SINCE, UNTIL)
    assert sought is not None
    assert sought.what is what
    [span] = sought.spans
    assert span.low <= trace <= span.high
    assert (span.since, span.until) == (SINCE, UNTIL)


@given(st.text())
def test_any_text_is_a_name_or_none(text: str) -> None:
    found = read_name(text, SINCE, UNTIL)
    assert found is None or name_of(found.what, found.spans[0].low)[2:] in text.upper()


@pytest.mark.parametrize("text", ["", "D-", "X-19C28E07", "D-19C28E0", "D-19C28E071", "D19C28G07"])
def test_what_is_no_name(text: str) -> None:
    assert read_name(text, SINCE, UNTIL) is None


@given(MOMENTS, st.uuids())
def test_a_cursor_reads_as_it_was_written(at: datetime, row: UUID) -> None:
    cursor = Cursor(at, row)
    assert read_cursor(write_cursor(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "x", "20261340T000000000000." + "0" * 32, "20261126T000000000000.xyz"]
)
def test_what_is_no_cursor(text: str) -> None:
    assert read_cursor(text) is None


@given(st.text())
def test_any_text_is_a_cursor_or_none(text: str) -> None:
    read_cursor(text)


def test_weeks_begin_on_mondays_and_cover_the_time() -> None:
    weeks = mondays(datetime(2026, 11, 25, 10, tzinfo=UTC), datetime(2026, 12, 7, tzinfo=UTC))
    assert weeks == [datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)]
    assert mondays(UNTIL, SINCE) == []
    [only] = mondays(weeks[0], weeks[0] + timedelta(microseconds=1))
    assert only == weeks[0]


def test_what_is_sought_is_sought_in_its_own_week() -> None:
    sought = sought_in_weeks(Named.GUEST, [(SINCE, b"a" * 32)])
    [span] = sought.spans
    assert (span.low, span.high) == (b"a" * 32, b"a" * 32)
    assert span.until - span.since == timedelta(days=7)


def test_the_kinds_that_a_filter_asks_for() -> None:
    here = (SiteId("city"), SiteId("bus"))
    everything = LogFilter(SINCE, UNTIL, here)
    assert len(everything.kinds()) == 2 * len(Ground) * len(EndReason)
    one = LogFilter(SINCE, UNTIL, here[:1], ground=Ground.CARD, outcome="absent")
    assert one.kinds() == [("city", Ground.CARD, EndReason.ABSENT)]
    assert not one.takes_live
    online = LogFilter(SINCE, UNTIL, here, every_site=True, outcome=ONLINE)
    assert (online.takes_live, online.takes_past, online.narrows) == (True, False, True)
    assert not LogFilter(SINCE, UNTIL, here, every_site=True).narrows
    assert LogFilter(SINCE, UNTIL, here).narrows
    point = Point("annex")
    assert LogFilter(SINCE, UNTIL, here, every_site=True, point=point).narrows


def test_an_id_tells_when_it_was_made() -> None:
    made = UUID("019ac28e-0700-7000-8000-000000000001")
    at = instant_of(made)
    assert at is not None
    assert int(at.timestamp() * 1000) == made.int >> 80
    assert instant_of(UUID(int=4 << 76 | 2 << 62)) is None
    assert instant_of(UUID(int=((1 << 48) - 1) << 80 | 7 << 76 | 2 << 62)) is None


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("annex", Point("annex")),
        ("annex/AP-2", Point("annex", b"AP-2")),
        ("annex/Caf\u00e9 /2", Point("annex", "Caf\u00e9 /2".encode())),
    ],
)
def test_an_access_point_in_an_address(text: str, point: Point) -> None:
    assert read_point(text) == point
    assert write_point(point) == text


@pytest.mark.parametrize(
    "text", ["", "/", "annex/", "Annex", "annex/a\nb", "annex/" + "x" * 65, "x" * 41, "a\udc80/b"]
)
def test_what_is_no_access_point(text: str) -> None:
    assert read_point(text) is None


@pytest.mark.parametrize("nas", [None, b"", b"\xff\xfe", b"a\x00b", b"x" * 65])
def test_a_name_that_is_no_text_is_asked_for_by_its_client(nas: bytes | None) -> None:
    assert write_point(Point("annex", nas)) == "annex"


@given(st.text())
def test_any_text_is_an_access_point_or_none(text: str) -> None:
    for one in (text, f"annex/{text}"):
        point = read_point(one)
        assert point is None or write_point(point) == one
