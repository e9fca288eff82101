"""The record of look-ups in PostgreSQL (implements services.ports.audit.AuditRecord)."""

from collections.abc import AsyncIterator, Sequence

import asyncpg

from portal.domain.audit_chain import AuditRow, Deed
from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import Database
from portal.storage.statements import known_columns, load_statements

_SQL = load_statements("audit")
_NEWEST = (1 << 63) - 1
_AT_ONCE = 1000


class PostgresAudit:
    """Rows are only added; the database numbers and links them under one lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, deed: Deed) -> AuditRow:
        """See services.ports.audit.AuditRecord."""
        row = await self._database.fetch_row(
            _SQL["write"],
            *(deed.at, deed.by, deed.act, deed.reason),
            *(deed.case_number, deed.about, deed.found),
        )
        if row is None:
            raise DatabaseUnavailableError("write gave no row")
        return _row(row)

    async def page(
        self, before: int | None, most: int, by: str | None = None
    ) -> Sequence[AuditRow]:
        """See services.ports.audit.AuditRecord."""
        below = _NEWEST if before is None else before
        rows = await self._database.fetch(_SQL["page"], below, most, by)
        return [_row(row) for row in rows]

    async def all(self) -> AsyncIterator[AuditRow]:
        """See services.ports.audit.AuditRecord."""
        after = 0
        while rows := await self._database.fetch(_SQL["following"], after, _AT_ONCE):
            for row in rows:
                yield _row(row)
            after = rows[-1]["number"]


def _row(row: asyncpg.Record) -> AuditRow:
    return AuditRow(**known_columns(AuditRow, row))
