"""The door to the spool: what is written to disk while the database is away.

Not a log and not a second store: each record is written to the database once, and is gone then.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.domain.identity import Device, Subject
from portal.domain.session import Session
from portal.services.ports import Event, Trace
from portal.services.ports.returning import Names


class SpoolError(Exception):
    """A record was not kept: disk full, or too many wait. Fails closed: as if there were none."""


@dataclass(frozen=True, slots=True)
class UnwrittenSession:
    """A courtesy session that began without the database. ``device``: under the live key."""

    session: Session
    trace: Trace
    device: Subject


@dataclass(frozen=True, slots=True)
class UnwrittenSignOut:
    """A device whose guest logged out without the database.

    ``names`` are what it is called, and ``paused_until`` how long it does not come back by itself,
    if it is remembered.
    """

    device: Device
    at: datetime
    names: Names
    paused_until: datetime


@dataclass(frozen=True, slots=True)
class UnwrittenReturn:
    """A remembered device that came back without the database. Its session has no subject here.

    ``trace`` has its owner's, under the week's key. ``names`` are what the device may stand under,
    this year's first, and ``expires_at`` when it is forgotten after this visit.
    """

    session: Session
    trace: Trace
    names: tuple[Subject, ...]
    expires_at: datetime
    most_devices: int


Record = Event | UnwrittenSession | UnwrittenReturn | UnwrittenSignOut


class Spool(Protocol):
    """Records that wait, in the order of their times."""

    async def put(self, record: Record) -> None:
        """Keep a record; it outlives a power cut once this returns.

        Of too many events the oldest are dropped.

        Raises:
            SpoolError: it was not kept.
        """
        ...
