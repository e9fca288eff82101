"""What the keeper notes four times a minute: who is online, and how this machine does.

Not the page that shows it. The rule to keep: a database that is away costs a sample, nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Never

from portal.domain.identity import SiteId
from portal.domain.statistics import bucket_of
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.statistics import NodeReport, Statistics

REPORT_EVERY_S = 15.0


@dataclass(slots=True)
class Reporting:
    """``describe`` asks this machine's own parts how they are."""

    statistics: Statistics
    site_ids: Sequence[SiteId]
    describe: Callable[[datetime], Awaitable[NodeReport]]
    clock: Clock

    async def work(self) -> Never:
        """Note it for ever."""
        while True:
            with suppress(DatabaseUnavailableError):
                await self.note()
            await asyncio.sleep(REPORT_EVERY_S)

    async def note(self) -> None:
        """Note it once.

        Raises:
            DatabaseUnavailableError: not all of it.
        """
        now = self.clock()
        await self.statistics.report(await self.describe(now))
        await self.statistics.sample(self.site_ids, bucket_of(now), now)
