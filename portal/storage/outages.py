"""Outages of the uplink in PostgreSQL (implements services.ports.outages.Outages).

Not the watching. The rule to keep: what was counted and how far stand in one transaction.
"""

from collections.abc import Mapping
from datetime import datetime

from portal.domain.identity import SiteId
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("outages")


class PostgresOutages:
    """The outages of the organisation's sites."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(
        self, since: datetime, now: datetime, latest: Mapping[SiteId, datetime]
    ) -> None:
        """See services.ports.outages.Outages."""
        await self._database.fetch(_SQL["count"], *_columns(latest), since, now)

    async def close(self, ended_at: datetime, latest: Mapping[SiteId, datetime]) -> int:
        """See services.ports.outages.Outages."""
        row = await self._database.fetch_row(_SQL["close"], *_columns(latest), ended_at)
        return 0 if row is None else int(row["count"])


def _columns(latest: Mapping[SiteId, datetime]) -> tuple[list[SiteId], list[datetime]]:
    """In one order everywhere, so that two nodes do not wait for each other."""
    sites = sorted(latest)
    return sites, [latest[site] for site in sites]
