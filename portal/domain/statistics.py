"""Statistics: what is counted, how it is put together, and what each number means.

Not the counting. The rule to keep: a definition that changes gets a new VERSION, which is beside
every number that leaves, so that nobody compares what cannot be compared.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf, isinf

from portal.domain.identity import SiteId

VERSION = 1

DEFINITIONS = ("online", "peak", "tries", "success", "median_wait", "open_faults")
"""Each has its words in the texts of the staff site, ``definition.<name>``."""

BUCKET_MIN = 5
"""Everything is counted by five minutes."""

WAITING_BOUNDS_S = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600)
"""The promises are a median of 15 s with a QR code and 30 s with a card."""

FEW = 5
"""A smaller number of people is not told outside (a person could be recognised)."""


@dataclass(frozen=True, slots=True)
class TryCount:
    """Presses on "log in". ``reason`` is "" for those that were let in.

    ``access_point`` is the client that sent the visitor, "" where nobody knows.
    """

    at: datetime
    site_id: SiteId
    method: str
    outcome: str
    reason: str
    count: int
    access_point: str = ""


@dataclass(frozen=True, slots=True)
class WaitCount:
    """Devices that waited for at most ``bound_s``, and for more than the bound before."""

    at: datetime
    site_id: SiteId
    method: str
    bound_s: float
    count: int


@dataclass(frozen=True, slots=True)
class OnlineSample:
    """Devices online at one site at one moment."""

    at: datetime
    site_id: SiteId
    count: int


def bucket_of(now: datetime) -> datetime:
    """Return when the five minutes began."""
    return now.replace(minute=now.minute - now.minute % BUCKET_MIN, second=0, microsecond=0)


def bound_of(waited_s: float) -> float:
    """Return the bound that a wait is counted under."""
    return next((float(bound) for bound in WAITING_BOUNDS_S if waited_s <= bound), inf)


def success_rate(tries: Iterable[TryCount]) -> float | None:
    """Return the share of judged presses that let somebody in; None: there were none.

    Mistyped forms are left out: nobody was asked, and the page says at once what is missing.
    """
    counts: Counter[str] = Counter()
    for one in tries:
        counts[one.outcome] += one.count
    judged = counts["admitted"] + counts["refused"]
    return counts["admitted"] / judged if judged else None


def median_wait_s(waits: Iterable[WaitCount]) -> float | None:
    """Return what half of the devices waited for at most; None: none came.

    Within a bucket the devices are taken to be spread evenly, as Prometheus does it; beyond the
    last bound it is that bound.
    """
    counts: Counter[float] = Counter()
    for one in waits:
        counts[one.bound_s] += one.count
    half, before = sum(counts.values()) / 2, 0
    for bound, count in sorted(counts.items()):
        if before + count >= half:
            return below_bound(bound) if isinf(bound) else _within(bound, (half - before) / count)
        before += count
    return None


def below_bound(bound_s: float) -> float:
    """Return the next smaller bound: where a bucket begins."""
    return max((float(bound) for bound in WAITING_BOUNDS_S if bound < bound_s), default=0.0)


def _within(bound_s: float, share: float) -> float:
    begin = below_bound(bound_s)
    return begin + (bound_s - begin) * share


def reasons(tries: Iterable[TryCount]) -> Sequence[tuple[str, int]]:
    """Return why presses were refused, the commonest first."""
    counts: Counter[str] = Counter()
    for one in tries:
        if one.outcome == "refused":
            counts[one.reason] += one.count
    return counts.most_common()


def totals(samples: Iterable[OnlineSample]) -> dict[datetime, int]:
    """Return how many were online at all the sites together, by moment."""
    sums: Counter[datetime] = Counter()
    for one in samples:
        sums[one.at] += one.count
    return dict(sorted(sums.items()))


def peak(samples: Iterable[OnlineSample], since: datetime) -> int:
    """Return the most that were online at once at all the sites together."""
    return max((count for at, count in totals(samples).items() if at >= since), default=0)
