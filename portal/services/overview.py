"""How things stand, for the live page: asked of the database once for all who look.

Not the page. The rule to keep: what is shown is never older than FRESH.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.services.doors import STORE_ERRORS
from portal.services.ports.statistics import Records, Statistics

FRESH = timedelta(seconds=4)
"""The page is asked for every five seconds by each who looks."""

LOOKED_BACK = timedelta(hours=24)


@dataclass(slots=True)
class Overview:
    """One for each process."""

    statistics: Statistics
    _known: tuple[datetime, Records | None] | None = field(default=None, init=False)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def records(self, now: datetime) -> tuple[datetime, Records] | None:
        """Return how things stand and since when that is known; None: nobody knows."""
        async with self._asking:  # who comes meanwhile gets the same answer, be it none
            if self._known is None or not timedelta(0) <= now - self._known[0] < FRESH:
                self._known = (now, await self._read(now))
            at, records = self._known
        return None if records is None else (at, records)

    async def _read(self, now: datetime) -> Records | None:
        try:
            return await self.statistics.read(now - LOOKED_BACK, now)
        except STORE_ERRORS:
            return None
