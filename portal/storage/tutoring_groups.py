"""Tutoring groups in PostgreSQL (implements services.ports.tutoring_groups.Groups).

Not the rules (portal/domain), and not the counting, which stands under its locks in
migrations/0003_continuity.sql. The rule to keep: a change and its event are one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from portal.domain.identity import SiteId
from portal.domain.session import EndReason, Session
from portal.domain.tutoring import Group
from portal.domain.typed_code import CodeLimits
from portal.services.ports import DatabaseUnavailableError, Opening
from portal.services.ports.tutoring_groups import (
    CodeAnswer,
    CodeTried,
    GroupFull,
    GroupOver,
    JoinAnswer,
    Joined,
    NewGroup,
)
from portal.services.ports.typed_codes import CodesBusy, DeviceWaits, UnknownCode
from portal.storage.database import Database
from portal.storage.sessions import session_of
from portal.storage.statements import load_statements

_SQL = load_statements("tutoring_groups")


class PostgresGroups:
    """The groups of the whole organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, group: NewGroup, by: str) -> Group | None:
        """See services.ports.tutoring_groups.Groups."""
        row = await self._database.fetch_row(
            _SQL["start"],
            *(group.id, group.site_id, group.code, group.starts_at, group.ends_at),
            *(group.most_devices, by),
        )
        return None if row is None else _group_of(row)

    async def keep_code(self, group: Group, sealed: bytes) -> None:
        """See services.ports.tutoring_groups.Groups."""
        await self._database.fetch(_SQL["keep_code"], group.id, sealed)

    async def kept_code(self, group: Group) -> bytes | None:
        """See services.ports.tutoring_groups.Groups."""
        row = await self._database.fetch_row(_SQL["kept_code"], group.id)
        return None if row is None else bytes(row["sealed"])

    async def try_code(self, tried: CodeTried, limits: CodeLimits, now: datetime) -> CodeAnswer:
        """See services.ports.tutoring_groups.Groups."""
        row = await self._database.fetch_row(
            _SQL["try_code"],
            *(tried.code, tried.device, tried.site_id, now),
            *(limits.per_device, limits.device_window),
            *(limits.per_site, limits.everywhere, limits.window, limits.alarm_at),
        )
        match row and row["what"]:
            case "known":
                return _group_of(row)
            case "unknown":
                return UnknownCode()
            case "waits" if row is not None:
                return DeviceWaits(row["until"])
            case "busy":
                return CodesBusy()
        raise DatabaseUnavailableError("try_code gave no row")

    async def join(self, group: Group, opening: Opening) -> JoinAnswer:
        """See services.ports.tutoring_groups.Groups."""
        session, trace = opening.session, opening.trace
        row = await self._database.fetch_row(
            _SQL["join"],
            *(group.id, session.id, session.ground, session.mac, session.site_id),
            *(session.started_at, session.ends_at, session.ends_because),
            *(trace.key_id, trace.device),
        )
        match row and row["what"]:
            case "over":
                return GroupOver()
            case "full":
                return GroupFull()
        if row is None:
            raise DatabaseUnavailableError("join_group gave no row")
        return Joined(session_of(row), is_new=row["what"] == "started")

    async def live(self, site_id: SiteId, now: datetime) -> list[tuple[Group, int]]:
        """See services.ports.tutoring_groups.Groups."""
        rows = await self._database.fetch(_SQL["live"], site_id, now)
        return [(_group_of(row), row["devices"]) for row in rows]

    async def members(self, group: Group) -> list[Session]:
        """See services.ports.tutoring_groups.Groups."""
        return [session_of(row) for row in await self._database.fetch(_SQL["members"], group.id)]

    async def prolong(
        self, group: Group, until: datetime, by: str, now: datetime
    ) -> tuple[Group, Sequence[Session]] | None:
        """See services.ports.tutoring_groups.Groups."""
        rows = await self._database.fetch(_SQL["prolong"], group.id, until, now, by)
        if not rows:
            return None
        longer, *members = rows
        return (
            replace(group, ends_at=longer["window_ends_at"]),
            [session_of(row) for row in members],
        )

    async def end(
        self,
        group: Group,
        ends: Mapping[UUID, tuple[datetime, EndReason]],
        by: str,
        now: datetime,
    ) -> Sequence[Session] | None:
        """See services.ports.tutoring_groups.Groups."""
        told = [(session_id, *end) for session_id, end in ends.items()]
        columns = [[row[index] for row in told] for index in range(3)]
        rows = await self._database.fetch(_SQL["end"], group.id, *columns, now, by)
        return [session_of(row) for row in rows[1:]] if rows else None


def _group_of(row: asyncpg.Record) -> Group:
    return Group(
        id=UUID(int=row["id"].int),
        site_id=SiteId(row["site_id"]),
        number=row["number"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        most_devices=row["most_devices"],
        ended_at=row["ended_at"],
    )
