"""PURE: accounting records as lines of JSON, for the time without a database.

Not the files (accounting_journal.py). The rule to keep: a MAC address stands here as it stands in a
live row, and nothing else that names anybody.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.domain.accounting import Octets, Use, UseStatus
from portal.domain.identity import MacAddress, SiteId
from portal.services.ports.accounting import Restart, UseRecord

Record = UseRecord | Restart


class LineError(Exception):
    """The octets are no records: cut short, or of another version."""


def encode(records: Sequence[Record]) -> bytes:
    """Return one line for each record."""
    return b"".join(json.dumps(_fields(record)).encode() + b"\n" for record in records)


def decode(data: bytes) -> list[Record]:
    """Read the records.

    Raises:
        LineError: some line is none.
    """
    try:
        return [_record(json.loads(line)) for line in data.splitlines()]
    except (ValueError, KeyError, TypeError) as problem:
        raise LineError(type(problem).__name__) from problem


def _fields(record: Record) -> Mapping[str, object]:
    common = {"ap": record.access_point, "nas": _text(record.nas), "bss": _text(record.bss)}
    if isinstance(record, Restart):
        return {**common, "at": record.at.isoformat()}
    use = record.use
    return {
        **common,
        "name": _text(record.name),
        "mac": record.mac,
        "site": record.site_id,
        "counts": record.counts_bytes,
        "status": use.status,
        "happened": use.happened_at.isoformat(),
        "arrived": use.arrived_at.isoformat(),
        "octets": use.octets,
        "s": None if use.duration is None else use.duration.total_seconds(),
        "session": None if use.session_id is None else use.session_id.hex,
        "cause": use.cause,
    }


def _record(fields: Mapping[str, Any]) -> Record:
    access_point, nas, bss = fields["ap"], b64decode(fields["nas"]), b64decode(fields["bss"])
    if "at" in fields:
        return Restart(access_point, nas, bss, datetime.fromisoformat(fields["at"]))
    return UseRecord(
        name=b64decode(fields["name"]),
        mac=MacAddress(fields["mac"]),
        use=_use(fields),
        access_point=access_point,
        site_id=SiteId(fields["site"]),
        nas=nas,
        bss=bss,
        counts_bytes=fields["counts"],
    )


def _use(fields: Mapping[str, Any]) -> Use:
    octets, seconds, session = fields["octets"], fields["s"], fields["session"]
    return Use(
        status=UseStatus(fields["status"]),
        happened_at=datetime.fromisoformat(fields["happened"]),
        arrived_at=datetime.fromisoformat(fields["arrived"]),
        octets=None if octets is None else Octets(*octets),
        duration=None if seconds is None else timedelta(seconds=seconds),
        session_id=None if session is None else UUID(hex=session),
        cause=fields["cause"],
    )


def _text(octets: bytes) -> str:
    return b64encode(octets).decode()
