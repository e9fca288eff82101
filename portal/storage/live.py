"""All that may be online, from PostgreSQL (implements services.ports.live.LiveStore)."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from uuid import UUID

import asyncpg

from portal.domain.identity import MacAddress, Subject
from portal.domain.returning import RememberedDevice
from portal.domain.session import Session
from portal.services.long_work import in_parts
from portal.services.ports.live import SAME_END, Place
from portal.storage.database import Database
from portal.storage.returning import remembered_of
from portal.storage.sessions import session_of
from portal.storage.statements import load_statements

_SQL = load_statements("live")
_FIELDS = Place._fields


class PostgresLive:
    """Of the whole organisation. ``database``: with a time-out for reading all of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sessions(self, now: datetime) -> Sequence[Session]:
        """See services.ports.live.LiveStore."""
        rows = await self._database.fetch_in_parts(_SQL["sessions"], now)
        return [session_of(row) async for part in in_parts(rows) for row in part]

    async def by_id(self, ids: Sequence[UUID]) -> Sequence[Session]:
        """See services.ports.live.LiveStore."""
        return [session_of(row) for row in await self._database.fetch(_SQL["by_id"], list(ids))]

    async def remembered(self, now: datetime) -> Mapping[Subject, RememberedDevice]:
        """See services.ports.live.LiveStore."""
        rows = await self._database.fetch_in_parts(_SQL["remembered"], now)
        return {
            device.name: device
            async for part in in_parts(rows)
            for device in map(remembered_of, part)
        }

    async def keep_places(self, places: Sequence[Place]) -> None:
        """See services.ports.live.LiveStore."""
        columns = zip(*map(_columns, places), strict=True)
        await self._database.fetch(_SQL["keep_places"], *columns)

    async def places(self, macs: Sequence[MacAddress]) -> Sequence[Place]:
        """See services.ports.live.LiveStore."""
        return [place_of(row) for row in await self._database.fetch(_SQL["places"], list(macs))]

    async def overdue(
        self, since: datetime, ended_before: datetime, now: datetime
    ) -> AbstractSet[tuple[str, str]]:
        """See services.ports.live.LiveStore."""
        rows = await self._database.fetch(_SQL["overdue"], since, ended_before, now)
        return {(row["access_point"], row["source_ip"]) for row in rows}

    async def misplaced(
        self, access_points: Sequence[str], since: datetime, now: datetime
    ) -> Sequence[Place]:
        """See services.ports.live.LiveStore."""
        wanted = (list(access_points), since, now, SAME_END)
        return [place_of(row) for row in await self._database.fetch(_SQL["misplaced"], *wanted)]


def _columns(place: Place) -> tuple[object, ...]:
    return (
        *(place.mac, place.access_point, place.heard_at, place.let_in, place.ip, place.user_name),
        *(place.accounting_session_id, place.audit_session_id, place.source_ip, place.nas_ip),
        *(place.nas_identifier, place.nas_port, place.called, place.ssid, place.nas),
        *(place.let_in_at, place.granted_until, place.has_idle_timeout),
    )


def place_of(row: asyncpg.Record) -> Place:
    """Return the place of a row of device_at_access_point."""
    told = {name: row[name] for name in _FIELDS}
    return Place(**{**told, "mac": MacAddress(row["mac"])})
