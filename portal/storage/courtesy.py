"""Courtesy access in PostgreSQL (implements services.ports.courtesy.Courtesies).

Not the sessions themselves (sessions.py). The rule to keep: once a day is settled by the table's
key, never by having looked first.
"""

from datetime import datetime

from portal.domain.identity import MacAddress, Subject
from portal.services.ports import Started
from portal.services.ports.courtesy import Confirmation
from portal.storage.database import Database
from portal.storage.sessions import session_of
from portal.storage.statements import load_statements

_SQL = load_statements("courtesy")


class PostgresCourtesies:
    """Devices that were let in unchecked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, device: Subject, since: datetime, now: datetime) -> bool:
        """See services.ports.courtesy.Courtesies."""
        return await self._database.fetch_row(_SQL["take"], device, since, now) is not None

    async def confirm(self, confirmation: Confirmation, now: datetime) -> Started | None:
        """See services.ports.courtesy.Courtesies."""
        session = confirmation.session
        rows = await self._database.fetch(
            _SQL["confirm"],
            *(session.id, session.mac, confirmation.subject, confirmation.trace.subject),
            *(*confirmation.ends, confirmation.most_devices),
            *(confirmation.attempt, confirmation.device, now),
            *(confirmation.trace.key_id, confirmation.sealed),
        )
        if not rows:
            return None
        *replaced, confirmed = rows
        return Started(
            session_of(confirmed),
            is_new=False,
            put_out=tuple(MacAddress(row["mac"]) for row in replaced),
        )
