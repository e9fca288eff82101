"""What somebody looks at now: whether it has changed, asked once for all who look."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.domain.identity import SiteId
from portal.services.board import Board
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.session_log import SessionLog


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


@dataclass
class LiveLog:
    """Whether anything new is in the log: however many look, the database is asked as for one."""

    log: SessionLog
    clock: Clock
    look_every_s: float = 2.0
    _mark: str = ""
    _asked_at: datetime | None = None

    async def mark(self) -> str:
        """Return the mark; while the database is away it stays as it was."""
        now = self.clock()
        if self._asked_at is None or now - self._asked_at >= timedelta(seconds=self.look_every_s):
            self._asked_at = now  # meanwhile others need not ask
            with suppress(DatabaseUnavailableError):
                self._mark = await self.log.mark()
        return self._mark
