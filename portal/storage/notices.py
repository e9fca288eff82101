"""Messages in PostgreSQL (implements services.ports.notices.Notices)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.notice import Notice
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("notices")


class PostgresNotices:
    """Messages of every site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def coming(self, now: datetime) -> Sequence[Notice]:
        """See services.ports.notices.Notices."""
        return [Notice(**row) for row in await self._database.fetch(_SQL["coming"], now)]

    async def post(self, notice: Notice) -> None:
        """See services.ports.notices.Notices."""
        await self._database.fetch(
            _SQL["post"],
            *(notice.id, notice.site_id, notice.sv, notice.en, notice.from_at, notice.until_at),
            *(notice.made_at, notice.by),
        )

    async def end(
        self, notice_id: UUID, site_ids: Sequence[SiteId] | None, by: str, now: datetime
    ) -> bool:
        """See services.ports.notices.Notices."""
        known = None if site_ids is None else list(site_ids)
        row = await self._database.fetch_row(_SQL["end"], notice_id, known, by, now)
        return row is not None and bool(row["count"])
