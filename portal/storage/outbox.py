"""Events that wait for the log collector (implements services.ports.forwarding.Outbox)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from portal.domain.forwarded_event import ForwardedEvent
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("outbox")


class PostgresOutbox:
    """In the database, so that an event waits from the transaction that wrote it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def turn_on(self) -> None:
        """See services.ports.forwarding.Outbox."""
        await self._database.fetch(_SQL["turn_on"])

    async def turn_off(self, silent_for: timedelta) -> None:
        """See services.ports.forwarding.Outbox."""
        await self._database.fetch(_SQL["turn_off"], silent_for)
        await self._database.fetch(_SQL["forget_all"])

    async def take(self, most: int, now: datetime, lease: timedelta) -> Sequence[ForwardedEvent]:
        """See services.ports.forwarding.Outbox."""
        rows = await self._database.fetch(_SQL["take"], most, now, now + lease)
        return sorted(map(_event, rows), key=lambda event: event.id)

    async def done(self, ids: Sequence[int]) -> None:
        """See services.ports.forwarding.Outbox."""
        if ids:
            await self._database.fetch(_SQL["done"], ids)

    async def put_back(self, ids: Sequence[int]) -> None:
        """See services.ports.forwarding.Outbox."""
        if ids:
            await self._database.fetch(_SQL["put_back"], ids)

    async def trim(self, most: int, before: datetime) -> int:
        """See services.ports.forwarding.Outbox."""
        row = await self._database.fetch_row(_SQL["trim"], most, before)
        return 0 if row is None else int(row["count"])

    async def waiting(self) -> int:
        """See services.ports.forwarding.Outbox."""
        row = await self._database.fetch_row(_SQL["waiting"])
        return 0 if row is None else int(row["count"])


def _event(row: Any) -> ForwardedEvent:
    detail = json.loads(row["detail"])
    return ForwardedEvent(
        id=row["id"],
        at=row["at"],
        kind=row["kind"],
        site_id=row["site_id"],
        session="" if row["session_id"] is None else str(row["session_id"]),
        device=row["device"],
        detail={str(name): _text(value) for name, value in detail.items()},
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
