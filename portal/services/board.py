"""The desk's board: who waits, who is in with a number, whom somebody tutors, at one site now.

Not what is done about it (tutoring.py, group_tutoring.py, vouchers.py). The rule to keep: devices
are told by number and kind; no person, card, address or hardware address is on the board.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.domain.identity import SiteId
from portal.domain.session import Session
from portal.domain.tutoring import Group
from portal.services.doors import STORE_ERRORS
from portal.services.group_tutoring import GroupRefusal, GroupTutoring
from portal.services.ports.board import BoardMarks
from portal.services.ports.tutoring import WaitingDevice
from portal.services.tutoring import Tutoring


@dataclass(frozen=True, slots=True)
class TutoredGroup:
    """A group, how many devices are in, and its room code while that lets anybody in."""

    group: Group
    devices: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """What the board shows."""

    waiting: Sequence[WaitingDevice]
    online: Sequence[WaitingDevice]
    tutored: Sequence[Session]
    groups: Sequence[TutoredGroup]


@dataclass(frozen=True, slots=True)
class Board:
    """The board of every site. ``now`` is aware and in UTC everywhere."""

    tutoring: Tutoring
    groups: GroupTutoring
    marks: BoardMarks

    async def picture(self, site_id: SiteId, now: datetime) -> Picture | None:
        """Return the board, None while the database is away."""
        try:
            waiting = await self.tutoring.waiting(site_id, now)
            online = await self.tutoring.online(site_id, now)
            tutored = await self.tutoring.under_way(site_id, now)
            groups = await self._groups(site_id, now)
        except STORE_ERRORS:
            return None
        return None if groups is None else Picture(waiting, online, tutored, groups)

    async def waiting(self, site_id: SiteId, now: datetime) -> Sequence[WaitingDevice] | None:
        """Return who waits alone, None while the database is away."""
        try:
            return await self.tutoring.waiting(site_id, now)
        except STORE_ERRORS:
            return None

    async def group(self, site_id: SiteId, number: int, now: datetime) -> TutoredGroup | None:
        """Return one group; None: there is none, or the database is away."""
        try:
            groups = await self._groups(site_id, now)
        except STORE_ERRORS:
            return None
        return next((found for found in groups or () if found.group.number == number), None)

    async def mark(self, site_id: SiteId, now: datetime) -> str | None:
        """Return a word that is another one whenever the board is; None: nobody knows."""
        try:
            return await self.marks.mark(site_id, now)
        except STORE_ERRORS:
            return None

    async def _groups(self, site_id: SiteId, now: datetime) -> list[TutoredGroup] | None:
        live = await self.groups.live(site_id, now)
        if isinstance(live, GroupRefusal):
            return None
        return [
            TutoredGroup(group, count, await self.groups.code(group, now)) for group, count in live
        ]
