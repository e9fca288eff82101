"""Which access points do not hear: where a device is in still although its end has come.

Not the telling (portal/access_points/dynamic_desk.py), which goes on. The rule to keep: what is
found follows from the places in the database, so that every process finds the same, and an access
point that hears again is believed again. Without the database, what was found last holds.
"""

from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Never

import structlog

from portal.services.ports import Clock
from portal.services.ports.live import LiveStore
from portal.services.repeating import repeat

LOOK_EVERY_S = 60.0

OVERDUE = timedelta(minutes=2)
"""The desk compares each 30 s, and a request is sent again for up to 30 s."""

REMEMBERED_FOR = timedelta(hours=24)
"""As long as the desk tells of a device (portal/access_points/wishes.py)."""

_log = structlog.get_logger()


class Hearing:
    """``look_for_ever`` is a task."""

    def __init__(self, store: LiveStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._deaf: AbstractSet[tuple[str, str]] = frozenset()

    def hears(self, access_point: str, source_ip: str) -> bool:
        """Say whether nobody is in there who should have been put out."""
        return (access_point, source_ip) not in self._deaf

    async def look(self) -> None:
        """Find out anew, and tell IT of those that are new.

        Raises:
            DatabaseUnavailableError: what was found last holds.
        """
        now = self._clock()
        found = await self._store.overdue(now - REMEMBERED_FOR, now - OVERDUE, now)
        for access_point, source_ip in sorted(found - self._deaf):
            _log.warning("access_point_does_not_hear", client=access_point, address=source_ip)
        self._deaf = found

    async def look_for_ever(self) -> Never:
        """Look again and again."""
        await repeat(self.look, LOOK_EVERY_S, "hearing_not_looked_at")
