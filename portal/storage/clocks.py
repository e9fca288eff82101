"""What is known of the sites' clocks, in PostgreSQL (implements services.ports.keeping.Clocks).

Not what a jump is (portal/domain/clock_jump.py). The rule to keep: a jump and all that moves with
it are one transaction, under the lock of the site's own row, so that nothing moves twice.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from portal.domain.clock_jump import SMALLEST_JUMP, ClockReading
from portal.domain.identity import SiteId
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("clocks")


class PostgresClocks:
    """The clocks of the sites, each kept by one node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settle(
        self, site_ids: Sequence[SiteId], machine_start: str, reading: ClockReading
    ) -> Mapping[SiteId, timedelta]:
        """See services.ports.keeping.Clocks."""
        rows = await self._database.fetch(
            _SQL["settle"],
            *(list(site_ids), machine_start, reading.started_at, reading.wall),
            SMALLEST_JUMP.total_seconds(),
        )
        return {SiteId(row["site_id"]): row["jump"] for row in rows}

    async def in_doubt(self, site_ids: Sequence[SiteId]) -> list[SiteId]:
        """See services.ports.keeping.Clocks."""
        rows = await self._database.fetch(_SQL["in_doubt"], list(site_ids))
        return [SiteId(row["site_id"]) for row in rows]

    async def believe_closing(self, site_id: SiteId, ends_at: datetime | None) -> int:
        """See services.ports.keeping.Clocks."""
        row = await self._database.fetch_row(_SQL["believe_closing"], site_id, ends_at)
        return 0 if row is None else int(row["count"])
