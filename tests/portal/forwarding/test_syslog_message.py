"""Messages and frames against the grammar of RFC 5424 and RFC 5425."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.forwarded_event import ALARMS, ForwardedEvent
from portal.forwarding.syslog_message import FACILITIES, LONGEST_VALUE, Dress, encode, frame
from tests.portal.forwarding.collector import read

AT = datetime(2026, 11, 26, 9, 30, 15, 3, tzinfo=UTC)
DRESS = Dress("gateway.exempelby.se", 4711)


def event(**changes: object) -> ForwardedEvent:
    facts: dict[str, object] = {
        "id": 1, "at": AT, "kind": "session_ended", "site_id": "city", "session": "", "device": "",
        "detail": {},
    }  # fmt: skip
    return ForwardedEvent(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_message_as_it_stands_on_the_wire() -> None:
    told = encode(event(detail={"reason": "absent"}), DRESS)
    assert told == (
        b"<133>1 2026-11-26T09:30:15.000003Z gateway.exempelby.se kvar 4711 session_ended"
        b' [kvar@32473 site="city" reason="absent"] \xef\xbb\xbf'
        b'{"event": "session_ended", "site": "city", "reason": "absent"}'
    )
    assert frame(told).startswith(b"%d <133>1 " % len(told))


def test_an_alarm_is_a_warning_and_the_facility_is_chosen() -> None:
    alarm = event(kind=min(ALARMS))
    assert alarm.is_alarm
    assert read(encode(alarm, DRESS)).priority == 16 * 8 + 4
    dress = Dress("gate", 1, "auth", 12345)
    assert encode(event(), dress).startswith(b"<37>1 ")
    assert b"[kvar@12345 " in encode(event(), dress)


def test_nothing_to_say_is_nil() -> None:
    assert b" clock_jumped - \xef\xbb\xbf" in encode(event(kind="clock_jumped", site_id=""), DRESS)


def test_a_time_with_another_zone_is_told_in_utc() -> None:
    local = AT.astimezone(timezone(timedelta(hours=1)))
    assert encode(event(at=local), DRESS) == encode(event(), DRESS)


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ('say "hi"', r"say \"hi\""),
        ("a]b", r"a\]b"),
        ("c:\\d", r"c:\\d"),
        ("two\nlines", "two lines"),
    ],
)
def test_what_would_end_a_value_is_escaped(value: str, escaped: str) -> None:
    told = encode(event(detail={"what": value}), DRESS)
    assert f'what="{escaped}"]'.encode() in told


def test_a_name_that_is_none_is_made_one() -> None:
    told = encode(event(kind="", detail={'a "b]=': "c", "": "d"}), Dress("", 1))
    assert b' a__b__="c" _="d"]' in told
    assert b"Z - kvar 1 - [" in told


anything = st.text(max_size=300)


@given(
    kind=anything,
    site=anything,
    host=anything,
    detail=st.dictionaries(anything, anything, max_size=5),
    facility=st.sampled_from(sorted(FACILITIES)),
    at=st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - given below
)
def test_whatever_an_event_holds_it_is_one_message(
    kind: str, site: str, host: str, detail: dict[str, str], facility: str, at: datetime
) -> None:
    made = event(kind=kind, site_id=site, detail=detail, at=at)
    told = encode(made, Dress(host, 1, facility))
    heard = read(told)
    assert heard.at == at
    assert heard.priority // 8 == FACILITIES[facility]
    assert len(heard.message) <= len(detail) + 4
    assert all(len(value) <= LONGEST_VALUE for value in heard.data.values())
    assert b"\n" not in told
