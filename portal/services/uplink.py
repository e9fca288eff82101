"""Watching the uplink: one look every two seconds, and what to think of it.

Not the look itself (portal/uplink.py) and not what follows of an outage (uncharged.py). The rule
to keep: the state is always there to be read, without waiting for a look.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Never

import structlog

from portal.domain.uplink import Uplink, see
from portal.services.ports import Clock

LOOK_EVERY_S = 2.0

_log = structlog.get_logger()


class UplinkWatch:
    """One process's picture. ``look`` says whether the internet may be reached."""

    def __init__(
        self,
        look: Callable[[], Awaitable[bool]],
        clock: Clock,
        changed: Callable[[Uplink], Awaitable[None]] | None = None,
    ) -> None:
        self._look = look
        self._clock = clock
        self._tell = changed
        self.state = Uplink()

    def is_down(self) -> bool:
        """Say whether guests should be told of an outage."""
        return self.state.down_since is not None

    async def watch(self) -> Never:
        """Look for ever."""
        while True:
            await self.look_once()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look_once(self) -> None:
        """Look, and tell whoever keeps account of it."""
        was_down = self.is_down()
        works = await self._look()
        self.state = see(self.state, self._clock(), works=works)
        if self.is_down() and not was_down:
            _log.error("uplink_lost")
        elif was_down and not self.is_down():
            _log.info("uplink_returned")
        if self._tell is not None:
            await self._tell(self.state)
