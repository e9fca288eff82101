"""PURE: the records of the spool as bytes, one JSON object each.

Not the files (spool.py). The rule to keep: no PIN, card number or subject, and a MAC address only
where the record is about the device's admission itself.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.session import EndReason, Ground, Session
from portal.services.ports import Event, EventKind, Trace
from portal.services.ports.returning import Names
from portal.services.ports.spool import (
    Record,
    UnwrittenReturn,
    UnwrittenSession,
    UnwrittenSignOut,
)

EVENT, SESSION, RETURN, SIGN_OUT = "event", "session", "return", "signout"
"""Kinds of records, as their files are named."""


class RecordError(Exception):
    """The bytes are no record: cut short, or of another version."""


def kind_of(record: Record) -> str:
    """Return what a record's file is named after."""
    match record:
        case Event():
            return EVENT
        case UnwrittenSession():
            return SESSION
        case UnwrittenReturn():
            return RETURN
        case UnwrittenSignOut():  # pragma: no branch - the last there is
            return SIGN_OUT


def time_of(record: Record) -> datetime:
    """Return when what is recorded happened."""
    if isinstance(record, UnwrittenSession | UnwrittenReturn):
        return record.session.started_at
    return record.at


def encode(record: Record) -> bytes:
    """Return the record in JSON."""
    match record:
        case Event():
            fields = _event(record)
        case UnwrittenSession():
            fields = _session(record)
        case UnwrittenReturn():
            fields = _return(record)
        case UnwrittenSignOut():  # pragma: no branch - the last there is
            fields = _sign_out(record)
    common = {"record": kind_of(record), "at": time_of(record).isoformat()}
    return json.dumps({**common, **fields}).encode()


def decode(data: bytes) -> Record:
    """Read a record.

    Raises:
        RecordError: it is none.
    """
    try:
        fields = json.loads(data)
        return _READ[fields["record"]](fields, datetime.fromisoformat(fields["at"]))
    except (ValueError, KeyError, TypeError) as problem:
        raise RecordError(type(problem).__name__) from problem


def _event(event: Event) -> Mapping[str, object]:
    return {
        "kind": event.kind,
        "site": event.site_id,
        "origin": str(event.origin),
        "trace": None if event.trace is None else _trace(event.trace),
        "detail": dict(event.detail),
    }


def _session(record: UnwrittenSession) -> Mapping[str, object]:
    return {**_begun(record.session, record.trace), "device": record.device.hex()}


def _begun(session: Session, trace: Trace) -> Mapping[str, object]:
    return {
        "id": str(session.id),
        "mac": session.mac,
        "site": session.site_id,
        "ends_at": session.ends_at.isoformat(),
        "ends_because": session.ends_because,
        "trace": _trace(trace),
    }


def _return(record: UnwrittenReturn) -> Mapping[str, object]:
    owner = record.trace.subject
    return {
        **_begun(record.session, record.trace),
        "owner": None if owner is None else owner.hex(),
        "names": [name.hex() for name in record.names],
        "expires_at": record.expires_at.isoformat(),
        "most_devices": record.most_devices,
    }


def _sign_out(record: UnwrittenSignOut) -> Mapping[str, object]:
    return {
        "mac": record.device.mac,
        "site": record.device.site_id,
        "trace": record.names.trace.hex(),
        "names": [name.hex() for name in record.names.live],
        "paused_until": record.paused_until.isoformat(),
    }


def _trace(trace: Trace) -> Mapping[str, str]:
    return {"key": trace.key_id, "device": trace.device.hex()}


def _read_event(fields: Mapping[str, Any], at: datetime) -> Event:
    trace = fields["trace"]
    return Event(
        EventKind(fields["kind"]),
        SiteId(fields["site"]),
        at,
        None if trace is None else _read_trace(trace),
        dict(fields["detail"]),
        UUID(fields["origin"]),
    )


def _read_session(fields: Mapping[str, Any], at: datetime) -> UnwrittenSession:
    device = Subject(bytes.fromhex(fields["device"]))
    session = _read_begun(fields, Ground.COURTESY, at)
    return UnwrittenSession(session, _read_trace(fields["trace"]), device)


def _read_return(fields: Mapping[str, Any], at: datetime) -> UnwrittenReturn:
    owner = fields["owner"]
    return UnwrittenReturn(
        _read_begun(fields, Ground.REMEMBERED, at),
        replace(
            _read_trace(fields["trace"]), subject=None if owner is None else bytes.fromhex(owner)
        ),
        tuple(Subject(bytes.fromhex(name)) for name in fields["names"]),
        datetime.fromisoformat(fields["expires_at"]),
        int(fields["most_devices"]),
    )


def _read_begun(fields: Mapping[str, Any], ground: Ground, at: datetime) -> Session:
    return Session(
        id=UUID(fields["id"]),
        ground=ground,
        subject=None,
        mac=MacAddress(fields["mac"]),
        site_id=SiteId(fields["site"]),
        started_at=at,
        ends_at=datetime.fromisoformat(fields["ends_at"]),
        ends_because=EndReason(fields["ends_because"]),
        last_seen_at=at,
    )


def _read_sign_out(fields: Mapping[str, Any], at: datetime) -> UnwrittenSignOut:
    device = Device(MacAddress(fields["mac"]), SiteId(fields["site"]))
    live = tuple(Subject(bytes.fromhex(name)) for name in fields["names"])
    names = Names(bytes.fromhex(fields["trace"]), live)
    return UnwrittenSignOut(device, at, names, datetime.fromisoformat(fields["paused_until"]))


def _read_trace(fields: Mapping[str, str]) -> Trace:
    return Trace(fields["key"], bytes.fromhex(fields["device"]))


_READ: Mapping[str, Callable[[Mapping[str, Any], datetime], Record]] = {
    EVENT: _read_event,
    SESSION: _read_session,
    RETURN: _read_return,
    SIGN_OUT: _read_sign_out,
}
