"""Live and past sessions in PostgreSQL (implements services.ports.Sessions).

Not the rules: they stand in portal/domain, and those that must hold under concurrency in
migrations/0001_sessions.sql. The rule to keep: a MAC address leaves the database with its live row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from portal.domain.identity import MacAddress, SiteId, Subject
from portal.domain.returning import QUIET_BEFORE_SUCCESSION
from portal.domain.session import EndReason, Ground, Session
from portal.services.ports import DatabaseUnavailableError, LastEnd, Opening, Started
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("sessions")

RETRIES = 3
"""For a start that lost against another one in a deadlock; the lock order makes that rare."""


class PostgresSessions:
    """Sessions of the whole organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, opening: Opening) -> Started:
        """See services.ports.Sessions."""
        for _ in range(RETRIES):
            try:
                return await self._start(opening)
            except DatabaseUnavailableError as error:
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    raise
        raise DatabaseUnavailableError("deadlocks")

    async def _start(self, opening: Opening) -> Started:
        session, trace = opening.session, opening.trace
        rows = await self._database.fetch(
            _SQL["start"],
            *(session.id, session.ground, session.subject, session.mac, session.site_id),
            *(session.started_at, session.ends_at, session.ends_because),
            *(trace.key_id, trace.device, trace.subject),
            *(opening.most_devices, opening.attempt, opening.device),
            *(opening.continues, session.started_at - QUIET_BEFORE_SUCCESSION, opening.sealed),
        )
        return started_of(rows)

    async def find(self, mac: MacAddress) -> Session | None:
        """See services.ports.Sessions."""
        return maybe_session(await self._database.fetch_row(_SQL["find"], mac))

    async def of_devices(self, macs: Sequence[MacAddress]) -> Mapping[MacAddress, Session]:
        """See services.ports.Sessions."""
        rows = await self._database.fetch(_SQL["of_devices"], list(macs))
        return {session.mac: session for session in map(session_of, rows)}

    async def of_subject(self, subject: Subject) -> list[Session]:
        """See services.ports.Sessions."""
        rows = await self._database.fetch(_SQL["of_subject"], subject)
        return [session_of(row) for row in rows]

    async def last_end(self, devices: Sequence[bytes], since: datetime) -> LastEnd | None:
        """See services.ports.Sessions."""
        row = await self._database.fetch_row(_SQL["last_end"], list(devices), since)
        return None if row is None else LastEnd(EndReason(row["end_reason"]), Ground(row["ground"]))

    async def extend(
        self, session: Session, ends_at: datetime, ends_because: EndReason, now: datetime
    ) -> Session | None:
        """See services.ports.Sessions."""
        row = await self._database.fetch_row(
            _SQL["extend"], session.id, session.ends_at, ends_at, ends_because, now
        )
        return maybe_session(row)

    async def end(self, session_id: UUID, reason: EndReason, now: datetime) -> Session | None:
        """See services.ports.Sessions."""
        row = await self._database.fetch_row(_SQL["end"], session_id, reason, now)
        if row is None:
            return None
        ended_at = max(now, row["started_at"])
        return replace(session_of(row), ended_at=ended_at, end_reason=reason)

    async def admit_at(self, session_id: UUID, site_id: SiteId) -> None:
        """See services.ports.Sessions."""
        await self._database.fetch(_SQL["admit_at"], session_id, site_id)

    async def end_due(self, site_ids: Sequence[SiteId], now: datetime) -> list[Session]:
        """See services.ports.Sessions."""
        rows = await self._database.fetch(_SQL["end_due"], list(site_ids), now)
        return [
            replace(
                session_of(row), ended_at=row["due_at"], end_reason=EndReason(row["ends_because"])
            )
            for row in rows
        ]

    async def admitted(
        self, site_ids: Sequence[SiteId], now: datetime
    ) -> list[tuple[MacAddress, datetime]]:
        """See services.ports.Sessions."""
        rows = await self._database.fetch(_SQL["admitted"], list(site_ids), now)
        return [(MacAddress(row["mac"]), row["due_at"]) for row in rows]


def started_of(rows: Sequence[asyncpg.Record]) -> Started:
    """Return what start_session answered: who gave way, and last the session that stands."""
    *replaced, standing = rows
    return Started(
        session=session_of(standing),
        is_new=standing["what"] == "started",
        put_out=tuple(MacAddress(row["mac"]) for row in replaced),
    )


def maybe_session(row: asyncpg.Record | None) -> Session | None:
    """Return the session of a row of live_session, None without a row."""
    return None if row is None else session_of(row)


def session_of(row: asyncpg.Record) -> Session:
    """Return the session of a row of live_session."""
    subject: bytes | None = row["subject"]
    return Session(
        id=UUID(int=row["id"].int),  # asyncpg's own subclass is not equal by type
        ground=Ground(row["ground"]),
        subject=None if subject is None else Subject(subject),
        mac=MacAddress(row["mac"]),
        site_id=SiteId(row["site_id"]),
        started_at=row["started_at"],
        ends_at=row["ends_at"],
        ends_because=EndReason(row["ends_because"]),
        last_seen_at=row["last_seen_at"],
        protected_until=row["protected_until"],
        extensions=row["extensions"],
        upload_bytes=row["upload_bytes"],
        download_bytes=row["download_bytes"],
        succeeded=row["succeeded"],
        tutored_as=row["tutored_as"],
        group_id=None if row["group_id"] is None else UUID(int=row["group_id"].int),
        elsewhere=frozenset(map(SiteId, row.get("elsewhere", ()))),
    )
