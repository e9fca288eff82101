"""How things stand, for the live page: asked of the database once for all who look.

Not the page. The rule to keep: what is shown is never older than FRESH.
"""

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
    _known: tuple[datetime, Records] | None = field(default=None, init=False)

    async def records(self, now: datetime) -> tuple[datetime, Records] | None:
        """Return how things stand and since when that is known; None: nobody knows."""
        if self._known is not None and timedelta(0) <= now - self._known[0] < FRESH:
            return self._known
        try:
            self._known = (now, await self.statistics.read(now - LOOKED_BACK, now))
        except STORE_ERRORS:
            return None
        return self._known
