"""The keeper's clock: the wall clock, once every session stands on it.

Not the rule of what a jump is (portal/domain/clock_jump.py). The rule to keep: nothing is ended or
compared by a clock that has jumped before the sessions moved along; closing times, which are facts
of the wall clock, are believed again when it has been steady for a while.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

import structlog

from portal.domain.admission import closing_end
from portal.domain.clock_jump import STEADY_AFTER, ClockReading, jump_between
from portal.domain.identity import SiteId
from portal.domain.site import Site
from portal.services.ports.keeping import Clocks

SETTLE_EVERY_S = 30.0
"""How stale "it was so late" may be, for a machine that starts with an earlier time."""

_log = structlog.get_logger()


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class ClockWatch:
    """Watches one node's clock for the sites it keeps; ``machine_start`` names its last start."""

    clocks: Clocks
    sites: Mapping[SiteId, Site]
    read: Callable[[], ClockReading]
    machine_start: str
    jumps: int = field(default=0, init=False)
    """How often it has jumped; the gate counts from other ends then."""
    _settled: ClockReading | None = field(default=None, init=False)
    _watching_since_s: float = field(default=inf, init=False)
    _jumped_at_s: float | None = field(default=None, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _judges: int = field(default=0, init=False)
    _nobody_judges: asyncio.Event = field(default_factory=_set_event, init=False)

    @asynccontextmanager
    async def judging(self) -> AsyncIterator[datetime]:
        """Give the time, after the sessions have moved with a clock that jumped.

        They do not move while somebody judges by the time of before.

        Raises:
            DatabaseUnavailableError: they have not moved; nothing may be judged by this clock yet.
        """
        now = await self._begin()
        try:
            yield now
        finally:
            self._judges -= 1
            if not self._judges:
                self._nobody_judges.set()

    async def _begin(self) -> datetime:
        async with self._turn:
            reading = self.read()
            if self._has_jumped(reading):
                await self._nobody_judges.wait()
                reading = self.read()
            if self._must_settle(reading):
                await self._settle(reading)
            self._judges += 1
            self._nobody_judges.clear()
            return reading.wall

    @property
    def is_in_doubt(self) -> bool:
        """Whether the clock has jumped lately, as far as this process knows."""
        return self._jumped_at_s is not None and not self._is_past(self._jumped_at_s)

    async def believe_closing(self) -> int:
        """Once the clock is steady again, end at closing time who was to; return how many moved.

        Raises:
            DatabaseUnavailableError: some are not yet.
        """
        moved = 0
        async with self.judging() as now:
            if self.is_in_doubt or not self._is_past(self._watching_since_s):
                return 0
            for site_id in await self.clocks.in_doubt(list(self.sites)):
                ends_at = closing_end(self.sites[site_id], now)
                moved += await self.clocks.believe_closing(site_id, ends_at)
                _log.info("closing_believed", site=site_id, moved=moved)
        return moved

    def _is_past(self, since_s: float) -> bool:
        return self.read().monotonic_s - since_s >= STEADY_AFTER.total_seconds()

    def _has_jumped(self, reading: ClockReading) -> bool:
        return self._settled is not None and bool(jump_between(self._settled, reading))

    def _must_settle(self, reading: ClockReading) -> bool:
        if self._settled is None or self._has_jumped(reading):
            return True
        return reading.monotonic_s - self._settled.monotonic_s >= SETTLE_EVERY_S

    async def _settle(self, reading: ClockReading) -> None:
        jumps = await self.clocks.settle(list(self.sites), self.machine_start, reading)
        before, self._settled = self._settled, reading
        for site_id, jump in jumps.items():
            _log.error("clock_jumped", site=site_id, seconds=round(jump.total_seconds()))
        self._watching_since_s = min(self._watching_since_s, reading.monotonic_s)
        if jumps or (before is not None and jump_between(before, reading)):
            self._jumped_at_s = reading.monotonic_s
            self.jumps += 1
