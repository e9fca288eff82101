"""Forwards the event log to the organisation's log collector, each event at least once.

Not the log itself, and not what is written on the line (portal/forwarding). The rules to keep: a
collector that is away hinders nothing; what waits is bounded, and what had to be dropped is told.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Never

import structlog

from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.forwarding import Channel, CollectorUnavailableError, Outbox

AT_ONCE = 200
"""Events a turn; about 60 kB."""

LOOK_EVERY_S = 1.0
LONGEST_PAUSE_S = 60.0
"""A collector that is away is asked after 1, 2, 4 … s."""

LEASE = timedelta(seconds=60)
"""Longer than a connection and a turn take."""

MOST_WAITING = 500_000
"""About 250 MB in the database: seven days of 40 libraries with 70,000 events a day."""

LONGEST_WAIT = timedelta(days=7)
TRIM_EVERY = timedelta(minutes=1)

SILENT_FOR = timedelta(minutes=10)
"""A node that forwards says so at every trim; one that is silent for so long does not any more."""

OFF_EVERY_S = 300.0
"""Longer than a node that forwards needs to say so after an outage of the database."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Tally:
    """What became of the events since the start. ``is_up`` None: not tried yet."""

    sent: int = 0
    dropped: int = 0
    is_up: bool | None = None


@dataclass(slots=True)
class Forwarding:
    """One for each node; several share what waits."""

    outbox: Outbox
    channel: Channel
    clock: Clock
    tally: Tally = field(default_factory=Tally)
    _trimmed_at: datetime | None = field(default=None, init=False)
    _pause_s: float = field(default=LOOK_EVERY_S, init=False)

    async def work(self) -> Never:
        """Forward for ever."""
        while True:
            try:
                await self._trim()
                more = await self.forward()
            except DatabaseUnavailableError:
                more = False
            if not more:
                await asyncio.sleep(self._pause_s)

    async def forward(self) -> bool:
        """Send one turn; say whether more waits.

        Raises:
            DatabaseUnavailableError: something may be sent once more.
        """
        events = await self.outbox.take(AT_ONCE, self.clock(), LEASE)
        ids = [event.id for event in events]
        try:
            if events:
                await self.channel.send(events)
                self._tell(is_up=True)
        except CollectorUnavailableError as problem:
            self._tell(is_up=False, reason=str(problem))
            await self.outbox.put_back(ids)
            return False
        await self.outbox.done(ids)
        self.tally.sent += len(ids)
        return len(ids) == AT_ONCE

    async def _trim(self) -> None:
        """Say that this node forwards, and bound what waits."""
        now = self.clock()
        if self._trimmed_at is not None and now - self._trimmed_at < TRIM_EVERY:
            return
        await self.outbox.turn_on()
        dropped = await self.outbox.trim(MOST_WAITING, now - LONGEST_WAIT)
        self._trimmed_at = now
        if dropped:
            self.tally.dropped += dropped
            _log.error("events_not_forwarded", count=dropped)

    def _tell(self, *, is_up: bool, reason: str = "") -> None:
        self._pause_s = LOOK_EVERY_S if is_up else min(self._pause_s * 2, LONGEST_PAUSE_S)
        if is_up is self.tally.is_up:
            return
        self.tally.is_up = is_up
        if is_up:
            _log.info("log_collector_answers")
        else:
            _log.warning("log_collector_away", reason=reason)


async def forward_nothing(outbox: Outbox) -> Never:
    """Forget what waited for a collector that is configured at no node any more.

    Waits first: after a power cut the others have not said yet that they forward.
    """
    while True:
        await asyncio.sleep(OFF_EVERY_S)
        with contextlib.suppress(DatabaseUnavailableError):
            await outbox.turn_off(SILENT_FOR)
