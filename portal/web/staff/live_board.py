"""The boards that somebody looks at now: whether one has changed, asked once for all who look."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.domain.identity import SiteId
from portal.services.board import Board
from portal.services.ports import Clock


@dataclass
class LiveBoard:
    """The boards that somebody looks at: however many do, the database is asked as for one."""

    board: Board
    clock: Clock
    look_every_s: float = 2.0
    streams: int = 0
    _marks: dict[SiteId, tuple[datetime, str]] = field(default_factory=dict)

    async def mark(self, site_id: SiteId) -> str:
        """Return the mark of a site's board; while the database is away it stays as it was."""
        now = self.clock()
        asked_at, last = self._marks.get(site_id, (None, ""))
        if asked_at is not None and now - asked_at < timedelta(seconds=self.look_every_s):
            return last
        self._marks[site_id] = (now, last)  # meanwhile others need not ask
        fresh = await self.board.mark(site_id, now) or last
        self._marks[site_id] = (now, fresh)
        return fresh
