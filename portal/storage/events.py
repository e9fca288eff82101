"""The event log in PostgreSQL (implements services.ports.Events).

Sessions write their own events in the same transaction; this is for everything else. The rule to
keep: rows are only added, and go with their week.
"""

import json

from portal.services.ports import Event
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("events")


class PostgresEvents:
    """What happened."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, event: Event) -> None:
        """See services.ports.Events."""
        await self._database.fetch(
            _SQL["record"],
            *(event.at, event.kind, event.site_id),
            event.trace.key_id if event.trace else None,
            event.trace.device if event.trace else None,
            json.dumps(dict(event.detail)),
            event.origin,
        )
