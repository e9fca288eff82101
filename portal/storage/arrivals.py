"""Captive devices in PostgreSQL (implements services.ports.Arrivals).

Not the waiting list of the desk, which reads the same rows. The rule to keep: who gets which
number is settled by the table's unique constraint, never by having looked first.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from portal.domain.arrivals import NUMBER_IS_KEPT, choose_number
from portal.domain.identity import Device
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("arrivals")

_TRIES = 20
"""Two devices can draw one number; among 90 free ones a crowd of 20 at once is rare."""


@dataclass(frozen=True, slots=True)
class _Seen:
    device: Device
    now: datetime
    kind: str
    is_online: bool


class PostgresArrivals:
    """Devices waiting at the sites."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def see(
        self, device: Device, now: datetime, kind: str = "", *, is_online: bool = False
    ) -> int | None:
        """See services.ports.Arrivals."""
        seen = _Seen(device, now, kind, is_online)
        for _ in range(_TRIES):
            number = await self._touch(seen)
            if number is None:
                number = choose_number(
                    await self._taken(device, now), secrets.randbelow(2**32) / 2**32
                )
                if number is None:
                    return None
                if not await self._take(seen, number):
                    continue
            return number
        return None

    async def add_step(self, device: Device, step: str, now: datetime) -> None:
        """See services.ports.Arrivals."""
        await self._database.fetch(_SQL["add_step"], device.site_id, device.mac, step, now)

    async def _touch(self, seen: _Seen) -> int | None:
        row = await self._database.fetch_row(
            _SQL["touch"],
            *(seen.device.site_id, seen.device.mac, seen.now, seen.now - NUMBER_IS_KEPT),
            *(seen.kind, seen.is_online),
        )
        return None if row is None else int(row["number"])

    async def _taken(self, device: Device, now: datetime) -> set[int]:
        await self._database.fetch(_SQL["forget_visits"], device.site_id, now - NUMBER_IS_KEPT)
        return {row["number"] for row in await self._database.fetch(_SQL["taken"], device.site_id)}

    async def _take(self, seen: _Seen, number: int) -> bool:
        """Try to take a number; False when another device, or another page, was faster."""
        device = seen.device
        values = (device.site_id, device.mac, number, seen.now, seen.kind, seen.is_online)
        return await self._database.fetch_row(_SQL["arrive"], *values) is not None
