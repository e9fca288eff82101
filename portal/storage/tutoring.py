"""Tutored sessions in PostgreSQL (implements services.ports.tutoring.Tutored).

Not the rules (portal/domain/tutoring.py). The rule to keep: a change and the event that tells who
made it are one transaction.
"""

from datetime import datetime

import asyncpg

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import EndReason, Session
from portal.services.ports.tutoring import Tutor, WaitingDevice
from portal.storage.database import Database
from portal.storage.sessions import maybe_session, session_of
from portal.storage.statements import load_statements

_SQL = load_statements("tutoring")


def _device_of(row: asyncpg.Record) -> WaitingDevice:
    return WaitingDevice(
        number=row["number"],
        steps=tuple(row["steps"]),
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        kind=row["kind"],
    )


class PostgresTutored:
    """Who waits, and whom a tutor holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, site_id: SiteId, now: datetime) -> list[WaitingDevice]:
        """See services.ports.tutoring.Tutored."""
        rows = await self._database.fetch(_SQL["waiting"], site_id, now - NUMBER_IS_KEPT)
        return [_device_of(row) for row in rows]

    async def online(self, site_id: SiteId, now: datetime) -> list[WaitingDevice]:
        """See services.ports.tutoring.Tutored."""
        rows = await self._database.fetch(_SQL["online"], site_id, now - NUMBER_IS_KEPT, now)
        return [_device_of(row) for row in rows]

    async def device(self, site_id: SiteId, number: int, now: datetime) -> MacAddress | None:
        """See services.ports.tutoring.Tutored."""
        row = await self._database.fetch_row(_SQL["device"], site_id, number, now - NUMBER_IS_KEPT)
        return None if row is None else MacAddress(row["mac"])

    async def tutored(self, site_id: SiteId, now: datetime) -> list[Session]:
        """See services.ports.tutoring.Tutored."""
        return [
            session_of(row) for row in await self._database.fetch(_SQL["tutored"], site_id, now)
        ]

    async def find(self, site_id: SiteId, number: int) -> Session | None:
        """See services.ports.tutoring.Tutored."""
        return maybe_session(await self._database.fetch_row(_SQL["find"], site_id, number))

    async def protect(
        self, session: Session, until: datetime, tutor: Tutor, now: datetime
    ) -> Session | None:
        """See services.ports.tutoring.Tutored."""
        held = session.tutored_as is not None and session.is_protected(now)
        kind = "tutoring_extended" if held else "tutoring_started"
        row = await self._database.fetch_row(
            _SQL["protect"], session.id, until, tutor.number, now, kind, tutor.name
        )
        return maybe_session(row)

    async def release(
        self, session: Session, ends: tuple[datetime, EndReason], tutor: Tutor, now: datetime
    ) -> Session | None:
        """See services.ports.tutoring.Tutored."""
        row = await self._database.fetch_row(
            _SQL["release"], session.id, *ends, now, tutor.number, tutor.name
        )
        return maybe_session(row)

    async def carry_over(
        self,
        old: tuple[Session, tuple[datetime, EndReason]],
        new: tuple[Session, datetime],
        tutor: Tutor,
        now: datetime,
    ) -> tuple[Session, Session] | None:
        """See services.ports.tutoring.Tutored."""
        rows = await self._database.fetch(
            _SQL["carry_over"],
            *(old[0].id, *old[1], new[0].id, new[1]),
            *(now, tutor.number, tutor.name),
        )
        if not rows:
            return None
        left, moved = rows
        return session_of(left), session_of(moved)
