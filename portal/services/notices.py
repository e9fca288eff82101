"""What is to be said on every page now, remembered so that a page asks nobody.

Not the writing of messages (web/staff/notices.py). The rule to keep: while the database is away
what was known is still said, and still ends on time.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Never

from portal.domain.identity import SiteId
from portal.domain.notice import Notice, shown
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.notices import Notices

READ_EVERY_S = 10.0
"""How late a message may come, or go when somebody ends it."""


@dataclass(slots=True)
class Noticeboard:
    """One for each process that shows pages."""

    notices: Notices
    clock: Clock
    _known: Sequence[Notice] = field(default=(), init=False)

    async def work(self) -> Never:
        """Read for ever."""
        while True:
            with suppress(DatabaseUnavailableError):
                await self.read()
            await asyncio.sleep(READ_EVERY_S)

    async def read(self) -> None:
        """Read once.

        Raises:
            DatabaseUnavailableError: what was known stays.
        """
        self._known = await self.notices.coming(self.clock())

    def shown(self, site_ids: Iterable[SiteId], now: datetime) -> Sequence[Notice]:
        """Return what is said at these libraries now."""
        return shown(self._known, site_ids, now)
