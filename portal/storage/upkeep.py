"""Keeping tables small (implements services.ports.Upkeep).

Not the retention of history, which drops whole weeks. The rule to keep: each statement stands
alone, so that a failure half-way leaves only work for the next time.
"""

from datetime import datetime, timedelta

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.services.ports import Kept
from portal.storage.database import Database
from portal.storage.migrate import WEEKS_AHEAD
from portal.storage.statements import load_statements

_SQL = load_statements("upkeep")


class PostgresUpkeep:
    """Housekeeping, safe to run on every node at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tidy(self, kept: Kept, now: datetime) -> int:
        """See services.ports.Upkeep."""
        await self._database.fetch(_SQL["weeks"], now - timedelta(days=7), WEEKS_AHEAD + 2)
        due = {
            "attempts": now - kept.attempts,
            "known_devices": now - kept.known_devices,
            "arrivals": now - NUMBER_IS_KEPT,
        }
        deleted = 0
        for name, before in due.items():
            row = await self._database.fetch_row(_SQL[name], before)
            deleted += 0 if row is None else row["count"]
        return deleted
