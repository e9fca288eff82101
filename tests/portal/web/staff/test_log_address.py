"""The log's addresses: what is written reads the same, the hour that comes twice included."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest

from portal.domain.session_log import Point
from portal.web.staff.log_address import (
    Asked,
    Period,
    exact_text,
    local_text,
    read_asked,
    write_asked,
)

ZONE = ZoneInfo("Europe/Stockholm")
KEPT = timedelta(days=14)
CHANGE = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
"""Clocks went from 03.00 back to 02.00."""


def asked(since: datetime, until: datetime) -> Asked:
    return Asked(Period.OWN, since, until)


def read(address: str) -> Asked:
    return read_asked(dict(parse_qsl(urlsplit(address).query)), CHANGE, ZONE, KEPT)


@pytest.mark.parametrize("minutes", range(-90, 91, 30))
def test_what_is_written_reads_the_same_through_the_autumn_change(minutes: int) -> None:
    since = CHANGE + timedelta(minutes=minutes)
    question = asked(since, since + timedelta(minutes=40))
    for lasting in (False, True):
        again = read(write_asked("/log", question, ZONE, lasting=lasting))
        assert (again.since, again.until) == (question.since, question.until)


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("point", [Point("annex"), Point("annex", "Caf\u00e9 & 2".encode())])
def test_an_address_carries_the_access_point(point: Point, lasting: bool) -> None:
    question = replace(asked(CHANGE, CHANGE + timedelta(hours=1)), point=point)
    assert read(write_asked("/log", question, ZONE, lasting=lasting)).point == point
    assert read("/log?point=%00").point is None


def test_from_before_the_change_until_after_it_is_not_turned_around() -> None:
    """02.50 the first time until 02.10 the second: clocks say that the end comes first."""
    question = asked(CHANGE - timedelta(minutes=10), CHANGE + timedelta(minutes=10))
    again = read(write_asked("/log", question, ZONE))
    assert again.until - again.since == timedelta(minutes=20)


def form(question: Asked, **changes: str) -> Asked:
    """What the form sends: fields without offset, and beside them the moments they stood for."""
    sent = {
        "from": local_text(question.since, ZONE),
        "to": local_text(question.until, ZONE),
        "from_at": exact_text(question.since, ZONE),
        "to_at": exact_text(question.until, ZONE),
        "own": "1",
    }
    return read_asked(sent | changes, CHANGE, ZONE, KEPT)


def test_a_form_that_nobody_changed_keeps_the_second_hour() -> None:
    question = asked(CHANGE + timedelta(minutes=10), CHANGE + timedelta(minutes=50))
    again = form(question)
    assert (again.since, again.until) == (question.since, question.until)


def test_a_time_that_somebody_types_is_the_first_of_two_until_it_is_not_ambiguous() -> None:
    question = asked(CHANGE + timedelta(minutes=10), CHANGE + timedelta(hours=3))
    again = form(question, **{"from": "2026-10-25T02:30"})
    assert again.since == CHANGE - timedelta(minutes=30)
    assert again.until == question.until


def test_addresses_of_before_still_read() -> None:
    again = read("/log?from=2026-11-20T08:00&to=2026-11-20T09:00")
    assert again.since == datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    assert again.period is Period.OWN
    odd = read("/log?from=0001-01-01T00:00%2B10:00&to=9999-12-31T23:59-10:00&from_at=x")
    assert odd.period is Period.TODAY
    assert replace(odd, name="x").name == "x"
