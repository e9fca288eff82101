"""The keeper's loops: the gate in step with the database, ends on time, presence, small tables.

Not the rules (services). The rule to keep: a neighbour that is away is waited for;
nothing at the gate changes because of a list that could not be read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Never

import structlog

from portal.services.clock_watch import ClockWatch
from portal.services.ports import Clock, DatabaseUnavailableError, GateUnavailableError
from portal.services.ports.keeping import SnapshotNotWrittenError, Snapshots
from portal.services.ports.observing import KeeperObserver
from portal.services.presence import PresenceWatch
from portal.services.purging import Purging
from portal.services.reconcile import Reconciled, Reconciliation

COMPARE_EVERY_S = 30.0
"""Repairs whatever a lost call or a lost notification left."""

LOOK_EVERY_S = 0.5
"""How late an end may be. Page and API say "over" at the moment itself, and the gate must agree
within a second; the kernel's own time-out comes 2 s after the end."""

SETTLE_S = 1.0
"""After a look at changes the next ones are gathered for so long: a class logging in is two looks,
not thirty."""

PRESENCE_EVERY_S = 30.0
"""Counters and signs of life; far shorter than any silence that means something."""

SNAPSHOT_PAUSE_S = 1.0
SNAPSHOT_EVERY_S = 30.0
"""One disk flush a second at most, and a file that is never older than this while all is well."""

BELIEVE_EVERY_S = 60.0

RETRY_S = 2.0
TIDY_EVERY_S = 3600.0

_log = structlog.get_logger()


class Keeper:
    """``changed`` is set by whoever hears that a session changed somewhere."""

    def __init__(
        self,
        reconciliation: Reconciliation,
        purging: Purging,
        clock: ClockWatch,
        observer: KeeperObserver | None = None,
    ) -> None:
        self._observer = observer
        self._reconciliation = reconciliation
        self._purging = purging
        self._clock = clock
        self._was_well = True
        self._anew = False
        self._looked_at_s = -SETTLE_S
        self.changed = asyncio.Event()

    async def keep_in_step(self) -> Never:
        """Compare at the start and every COMPARE_EVERY_S; carry over each change between."""
        clock = asyncio.get_running_loop().time
        compare_at = clock()
        while True:
            self.changed.clear()
            whole, self._anew = self._anew or clock() >= compare_at, False
            agree = self._reconciliation.run if whole else self._reconciliation.follow
            if not await self._bring(agree):
                compare_at = clock() + RETRY_S
            elif whole:
                compare_at = clock() + COMPARE_EVERY_S
            await self._wait(compare_at - clock())

    def compare_anew(self) -> None:
        """Have everything compared soon: the gate may have changed unheard."""
        self._anew = True
        self.changed.set()

    async def _bring(self, agree: Callable[[datetime], Awaitable[object]]) -> bool:
        try:
            self._looked_at_s = asyncio.get_running_loop().time()
            async with self._clock.judging() as now:
                agreed = await agree(now)
        except (DatabaseUnavailableError, GateUnavailableError) as problem:
            self._tell(well=False, problem=type(problem).__name__)
            return False
        if self._observer is not None and isinstance(agreed, Reconciled):
            self._observer.compared(now, agreed.mended)
        self._tell(well=True)
        return True

    def _tell(self, *, well: bool, problem: str = "") -> None:
        """Log when the state turns, not every time it is met."""
        if well != self._was_well:
            self._was_well = well
            if well:
                _log.info("neighbour_returned")
            else:
                _log.warning("neighbour_lost", reason=problem)

    async def _wait(self, longest_s: float) -> None:
        try:
            async with asyncio.timeout(longest_s):
                await self.changed.wait()
                gathered_s = asyncio.get_running_loop().time() - self._looked_at_s
                await asyncio.sleep(max(0.0, SETTLE_S - gathered_s))
        except TimeoutError:
            return

    async def hear(self, notices: AsyncIterator[object]) -> None:
        """Compare soon after each notice; runs until the notices end."""
        async for _ in notices:
            self.changed.set()

    async def end_on_time(self) -> Never:
        """End what is due within LOOK_EVERY_S; after a jump of the clock compare everything."""
        jumps = self._clock.jumps
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if jumps != self._clock.jumps:
                jumps = self._clock.jumps
                self.compare_anew()
            try:
                async with self._clock.judging() as now:
                    await self._reconciliation.end_due(now)
            except (DatabaseUnavailableError, GateUnavailableError) as problem:
                self._tell(well=False, problem=type(problem).__name__)

    async def keep_presence(self, presence: PresenceWatch) -> Never:
        """Look who is there every PRESENCE_EVERY_S, and end who is long gone."""
        while True:
            try:
                async with self._clock.judging() as now:
                    await presence.look(now, asyncio.get_running_loop().time())
            except (DatabaseUnavailableError, GateUnavailableError) as problem:
                self._tell(well=False, problem=type(problem).__name__)
            await asyncio.sleep(PRESENCE_EVERY_S)

    async def keep_snapshot(self, snapshots: Snapshots, wall_clock: Clock) -> Never:
        """Write who is admitted after each change, for the gate to read after a power cut."""
        was_written = True
        while True:
            await _wait_for(self._reconciliation.agreed, SNAPSHOT_EVERY_S)
            self._reconciliation.agreed.clear()
            admitted = self._reconciliation.admitted
            if admitted is None:
                continue
            try:
                await snapshots.save(admitted, wall_clock())
                was_written = True
            except SnapshotNotWrittenError as problem:
                if was_written:
                    _log.error("snapshot_not_written", reason=str(problem))
                was_written = False
            await asyncio.sleep(SNAPSHOT_PAUSE_S)

    async def believe_closing(self) -> Never:
        """End at closing time again who was to, once a clock that jumped is steady."""
        while True:
            await asyncio.sleep(BELIEVE_EVERY_S)
            try:
                if await self._clock.believe_closing():
                    self.changed.set()
            except DatabaseUnavailableError as problem:
                self._tell(well=False, problem=type(problem).__name__)

    async def tidy(self) -> Never:
        """Delete what is due and destroy the keys of times past, every hour.

        Not by a clock that has just jumped: it would delete what is not due.
        """
        while True:
            try:
                async with self._clock.judging() as now:
                    if not self._clock.is_in_doubt:
                        evidence = await self._purging.run(now)
                        if self._observer is not None:
                            self._observer.tidied(now, sum(evidence.deleted.values()))
            except DatabaseUnavailableError:
                _log.warning("tables_not_tidied")
            await asyncio.sleep(TIDY_EVERY_S)


async def _wait_for(event: asyncio.Event, longest_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            await event.wait()
