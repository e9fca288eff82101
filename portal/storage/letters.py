"""Which weeks have had their letter, in PostgreSQL (implements services.ports.letters.Letters).

Not the letter. The rule to keep: a week is taken by one statement, so that two nodes never send the
same at once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from portal.domain.audit_letter import ActCount
from portal.services.ports.letters import LetterState
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("letters")


class PostgresLetters:
    """Letters of the whole organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(
        self, newest: date, oldest: date, node: str, lease: timedelta, now: datetime
    ) -> date | None:
        """See services.ports.letters.Letters."""
        await self._database.fetch(_SQL["due"], newest, oldest)
        row = await self._database.fetch_row(_SQL["take"], now, node, lease)
        return None if row is None else row["week"]

    async def counts(self, since: datetime, until: datetime) -> Sequence[ActCount]:
        """See services.ports.letters.Letters."""
        rows = await self._database.fetch(_SQL["counts"], since, until)
        return [ActCount(**row) for row in rows]

    async def sent(self, week: date, told: Mapping[str, int | str], now: datetime) -> None:
        """See services.ports.letters.Letters."""
        await self._database.fetch(_SQL["sent"], week, now, json.dumps(dict(told)))

    async def latest(self, most: int) -> Sequence[LetterState]:
        """See services.ports.letters.Letters."""
        return [LetterState(**row) for row in await self._database.fetch(_SQL["latest"], most)]
