"""The doors to what is counted: for those that count, and for those that show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.domain.identity import SiteId
from portal.domain.statistics import OnlineSample, TryCount, WaitCount
from portal.services.ports.figures import OpenFaults


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What one machine last told of itself. The gate's are None where it has none."""

    node: str
    at: datetime
    version: str
    in_step: bool
    gate_answers: bool | None = None
    gate_devices: int | None = None
    interfaces_missing: int | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened to the system. ``site_id`` "": to all of it."""

    at: datetime
    kind: str
    site_id: SiteId


@dataclass(frozen=True, slots=True)
class PointNow:
    """An access point (a RADIUS client) now. ``heard_at`` None: nobody was heard of there today.

    ``online`` counts the visits that it told of and that go on, ``radios`` those heard of lately.
    """

    name: str
    site_id: SiteId
    online: int
    radios: int
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class Records:
    """All that the live page is made of.

    ``point_tries`` are the last hour's by access point, as far as that is known.
    """

    online: Mapping[SiteId, int]
    samples: Sequence[OnlineSample]
    tries: Sequence[TryCount]
    waits: Sequence[WaitCount]
    faults: Mapping[SiteId, OpenFaults]
    library_is_away: frozenset[SiteId]
    tutored: Mapping[SiteId, int]
    points: Sequence[PointNow]
    point_tries: Sequence[TryCount]
    nodes: Sequence[NodeReport]
    news: Sequence[News]


class Statistics(Protocol):
    """Counts of the whole organisation. Every method raises DatabaseUnavailableError."""

    async def add(self, tries: Sequence[TryCount], waits: Sequence[WaitCount]) -> None:
        """Add to what is counted already: all of it, or, where it raises, nothing."""
        ...

    async def sample(self, site_ids: Sequence[SiteId], at: datetime, now: datetime) -> None:
        """Note who is online at each site, once for each ``at``, whoever asks first."""
        ...

    async def report(self, report: NodeReport) -> None:
        """Note what a machine tells of itself."""
        ...

    async def read(self, since: datetime, now: datetime) -> Records:
        """Return what there is: the last hour's counts by five minutes, earlier by half hours."""
        ...
