"""A complaint as it is typed, and how sure an answer may be."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.complaint import (
    LONGEST_TOLERANCE,
    MOST_CANDIDATES,
    Complaint,
    ComplaintFault,
    Confidence,
    Found,
    Noted,
    judge,
    read_address,
    read_complaint,
)

STOCKHOLM = ZoneInfo("Europe/Stockholm")
GOOD = {"address": " 192.0.2.10 ", "port": "40001", "at": "2026-11-26 10:00:07", "tolerance": "60"}
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEPT = timedelta(days=14)


def read(**changed: str) -> Complaint | ComplaintFault:
    return read_complaint({**GOOD, **changed}, STOCKHOLM)


def test_what_a_complaint_says() -> None:
    found = read()
    assert found == Complaint(
        ip_address("192.0.2.10"),
        40001,
        datetime(2026, 11, 26, 9, 0, 7, tzinfo=UTC),
        timedelta(seconds=60),
    )
    assert isinstance(found, Complaint)
    assert (found.until - found.since) == timedelta(seconds=120)


@pytest.mark.parametrize(
    ("at", "zone", "hour"),
    [
        ("2026-11-26T10:00:07", "own", 9),
        ("2026-11-26T10:00:07", "utc", 10),
        ("2026-11-26T10:00:07+02:00", "own", 8),
        ("2026-11-26T10:00:07Z", "own", 10),
        ("2026-07-26T10:00:07", "own", 8),
        ("2026-10-25T02:30+02:00", "own", 0),
        ("2026-10-25T02:30+01:00", "own", 1),
        ("2026-10-25T02:30", "utc", 2),
    ],
)
def test_the_zone_is_the_complaints_own(at: str, zone: str, hour: int) -> None:
    found = read(at=at, zone=zone)
    assert isinstance(found, Complaint)
    assert found.at.hour == hour


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"address": "example.se"}, ComplaintFault.ADDRESS),
        ({"address": ""}, ComplaintFault.ADDRESS),
        ({"address": "fe80::1%Anna Andersson"}, ComplaintFault.ADDRESS),
        ({"address": "fe80::1%0"}, ComplaintFault.ADDRESS),
        ({"port": "0"}, ComplaintFault.PORT),
        ({"port": "65536"}, ComplaintFault.PORT),
        ({"port": "x"}, ComplaintFault.PORT),
        ({"at": ""}, ComplaintFault.TIME),
        ({"at": "2026-10-25 02:30"}, ComplaintFault.OFFSET),  # twice
        ({"at": "2026-03-29 02:30"}, ComplaintFault.OFFSET),  # never
        ({"at": "yesterday"}, ComplaintFault.TIME),
        ({"at": "0001-01-01 00:00"}, ComplaintFault.TIME),
        ({"tolerance": ""}, ComplaintFault.TOLERANCE),
        ({"tolerance": "3601"}, ComplaintFault.TOLERANCE),
        ({"tolerance": "-1"}, ComplaintFault.TOLERANCE),
    ],
)
def test_what_cannot_be_answered(changed: dict[str, str], fault: ComplaintFault) -> None:
    assert read(**changed) is fault


def test_ipv6_and_no_port() -> None:
    found = read(address="2001:db8::1", port="")
    assert isinstance(found, Complaint)
    assert (str(found.address), found.port) == ("2001:db8::1", None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        (" [2001:db8::1] ", "2001:db8::1"),
        ("2001:db8::10.0.0.1", "2001:db8::a00:1"),
        ("::ffff:192.0.2.10", "192.0.2.10"),
        ("[::ffff:c000:20a]", "192.0.2.10"),
        ("192.0.2.10", "192.0.2.10"),
    ],
)
def test_an_address_in_any_notation(text: str, address: str) -> None:
    assert read_address(text) == ip_address(address)


@pytest.mark.parametrize("text", ["", "[]", "[2001:db8::1", "192.0.2.300", "2001:db8::1/64"])
def test_what_is_no_address(text: str) -> None:
    assert read_address(text) is None


@given(st.dictionaries(st.sampled_from(["address", "port", "at", "zone", "tolerance"]), st.text()))
def test_any_form_is_a_complaint_or_a_fault(fields: dict[str, str]) -> None:
    found = read_complaint(fields, STOCKHOLM)
    if isinstance(found, Complaint):
        assert timedelta(0) <= found.tolerance <= LONGEST_TOLERANCE


@pytest.mark.parametrize(
    ("ago", "found", "confidence"),
    [
        (timedelta(hours=1), 1, Confidence.ONE),
        (timedelta(hours=1), 2, Confidence.CANDIDATES),
        (timedelta(hours=1), MOST_CANDIDATES, Confidence.CANDIDATES),
        (timedelta(hours=1), MOST_CANDIDATES + 1, Confidence.TOO_MANY),
        (timedelta(hours=1), 0, Confidence.NOBODY),
        (timedelta(days=15), 0, Confidence.ERASED),
        (timedelta(days=15), 5, Confidence.ERASED),
        (timedelta(hours=-1), 0, Confidence.FUTURE),
    ],
)
def test_how_sure_the_answer_is(ago: timedelta, found: int, confidence: Confidence) -> None:
    complaint = Complaint(ip_address("192.0.2.10"), None, NOW - ago, timedelta(seconds=60))
    assert judge(complaint, Found(found), KEPT, NOW) is confidence


@pytest.mark.parametrize(
    ("found", "noted", "is_whole", "confidence"),
    [
        (1, Noted.ALL, True, Confidence.EXACT),
        (1, Noted.ALL, False, Confidence.EXACT),
        (1, Noted.PORT, False, Confidence.PORT),
        (1, Noted.PART, True, Confidence.PART),
        (2, Noted.ALL, True, Confidence.CANDIDATES),
        (1, Noted.NO, False, Confidence.CANDIDATES),
        (0, Noted.NO, False, Confidence.UNSEEN),
    ],
)
def test_what_is_noted_makes_sure_and_what_is_not_does_not(
    found: int, noted: Noted, is_whole: bool, confidence: Confidence
) -> None:
    complaint = read(at=(NOW - timedelta(hours=1)).isoformat())
    assert isinstance(complaint, Complaint)
    assert judge(complaint, Found(found, noted, is_whole), KEPT, NOW) is confidence
