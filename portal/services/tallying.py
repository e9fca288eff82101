"""Counts tries by five minutes into the database, a little later than they happen.

Not Prometheus's counters (portal/metrics.py): Kvar shows these itself, and they last.
The rules to keep: counting waits for nobody; what a crash loses is some seconds' counts.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Never

from portal.domain.identity import SiteId
from portal.domain.session import Ground
from portal.domain.statistics import TryCount, WaitCount, bound_of, bucket_of
from portal.services.outcomes import RefusalReason
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.observing import Outcome, SignInObserver, outcome_of
from portal.services.ports.statistics import Statistics

FLUSH_EVERY_S = 5.0

MOST_KEPT = 20_000
"""Different counts that may wait for the database: days of an outage at many sites."""

_Try = tuple[datetime, SiteId, str, str, str, str]
_Wait = tuple[datetime, SiteId, str, float]


@dataclass(slots=True)
class Tallying:
    """Implements services.ports.observing.SignInObserver; one for each process that lets in."""

    statistics: Statistics
    clock: Clock
    _tries: Counter[_Try] = field(default_factory=Counter, init=False)
    _waits: Counter[_Wait] = field(default_factory=Counter, init=False)

    def admitted(self, site_id: SiteId, ground: Ground, access_point: str = "") -> None:
        """See services.ports.observing.SignInObserver."""
        at, outcome = bucket_of(self.clock()), Outcome.ADMITTED.value
        self._count((at, site_id, ground.value, outcome, "", access_point))

    def refused(
        self, site_id: SiteId, method: Ground, reason: RefusalReason, access_point: str = ""
    ) -> None:
        """See services.ports.observing.SignInObserver."""
        at, outcome = bucket_of(self.clock()), outcome_of(reason).value
        self._count((at, site_id, method.value, outcome, reason.value, access_point))

    def came_online(self, site_id: SiteId, ground: Ground, waited: timedelta) -> None:
        """See services.ports.observing.SignInObserver."""
        bound_s = bound_of(waited.total_seconds())
        key = (bucket_of(self.clock()), site_id, ground.value, bound_s)
        if key in self._waits or len(self._waits) < MOST_KEPT:
            self._waits[key] += 1

    def _count(self, key: _Try) -> None:
        if key in self._tries or len(self._tries) < MOST_KEPT:
            self._tries[key] += 1

    async def work(self) -> Never:
        """Write what was counted, for ever."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what was counted; what cannot be written waits."""
        tries, waits = self._tries, self._waits
        self._tries, self._waits = Counter(), Counter()
        try:
            await self.statistics.add(
                [TryCount(*key[:5], count, key[5]) for key, count in sorted(tries.items())],
                [WaitCount(*key, count) for key, count in sorted(waits.items())],
            )
        except DatabaseUnavailableError:
            self._tries += tries
            self._waits += waits


@dataclass(frozen=True, slots=True)
class SeveralObservers:
    """Tells each of them."""

    observers: Sequence[SignInObserver]

    def admitted(self, site_id: SiteId, ground: Ground, access_point: str = "") -> None:
        """See services.ports.observing.SignInObserver."""
        for observer in self.observers:
            observer.admitted(site_id, ground, access_point)

    def refused(
        self, site_id: SiteId, method: Ground, reason: RefusalReason, access_point: str = ""
    ) -> None:
        """See services.ports.observing.SignInObserver."""
        for observer in self.observers:
            observer.refused(site_id, method, reason, access_point)

    def came_online(self, site_id: SiteId, ground: Ground, waited: timedelta) -> None:
        """See services.ports.observing.SignInObserver."""
        for observer in self.observers:
            observer.came_online(site_id, ground, waited)
