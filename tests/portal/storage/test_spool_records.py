"""Records of the spool as bytes: the way there and back, and what is no record."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.session import Claim, EndReason, Ground, start
from portal.services.ports import Event, EventKind, Trace
from portal.services.ports.returning import Names
from portal.services.ports.spool import (
    Record,
    UnwrittenReturn,
    UnwrittenSession,
    UnwrittenSignOut,
)
from portal.storage.spool_records import RecordError, decode, encode, kind_of, time_of

DEVICE = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
TRACE = Trace("log-2026-w48", b"d" * 32)


def records(now: datetime) -> list[Record]:
    ends = (now + timedelta(hours=1), EndReason.TIME_LIMIT)
    session = start(UUID(int=7), Claim(Ground.COURTESY), DEVICE, ends, now)
    return [
        Event(EventKind.SIGN_IN_REFUSED, DEVICE.site_id, now, TRACE, {"reason": "service"}),
        Event(EventKind.MANY_WRONG_PINS, DEVICE.site_id, now),
        UnwrittenSession(session, TRACE, Subject(b"x" * 32)),
        UnwrittenReturn(
            replace(session, ground=Ground.REMEMBERED),
            replace(TRACE, subject=b"o" * 32),
            (Subject(b"n" * 32), Subject(b"m" * 32)),
            now + timedelta(days=90),
            5,
        ),
        UnwrittenSignOut(
            DEVICE, now, Names(b"t" * 32, (Subject(b"n" * 32),)), now + timedelta(hours=9)
        ),
    ]


def test_there_and_back(now: datetime) -> None:
    for record in records(now):
        again = decode(encode(record))
        assert again == record
        assert time_of(again) == now
        assert kind_of(again) == kind_of(record)


def test_an_event_keeps_its_origin(now: datetime) -> None:
    event = records(now)[0]
    again = decode(encode(event))
    assert isinstance(event, Event)
    assert isinstance(again, Event)
    assert again.origin == event.origin
    assert replace(event, origin=UUID(int=1)).origin != event.origin


def test_an_event_names_no_device_in_clear(now: datetime) -> None:
    for record in records(now)[:2]:
        assert DEVICE.mac.encode() not in encode(record)


def test_what_is_no_record(now: datetime) -> None:
    good = json.loads(encode(records(now)[2]))
    bad = [
        b"",
        b"[]",
        b"{}",
        encode(records(now)[0])[:-5],
        json.dumps({**good, "record": "other"}).encode(),
        json.dumps({**good, "ends_at": "soon"}).encode(),
        json.dumps({**good, "trace": None}).encode(),
    ]
    for data in bad:
        with pytest.raises(RecordError):
            decode(data)
