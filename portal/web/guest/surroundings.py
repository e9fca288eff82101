"""What the guest pages say of the world around them, and who hears what guests report.

Not the guest's own standing. The rule to keep: asking costs nothing, for every page asks.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from portal.domain.fault_report import FaultKind
from portal.domain.identity import SiteId
from portal.domain.month_help import Answer
from portal.domain.notice import Notice

Said = Callable[[Iterable[SiteId], datetime], Sequence[Notice]]
"""Returns the messages that are shown at these libraries at a moment."""


Rate = Callable[[SiteId, Answer, datetime], Awaitable[bool]]
"""Counts a visitor's answer at a library; says whether it could."""


class GuestFaults(Protocol):
    """Takes reports; fails closed: a report that was not written gets no number."""

    async def report_from_guest(
        self, site_id: SiteId, kind: FaultKind, counted: Mapping[str, str], now: datetime, /
    ) -> int | None:
        """Return the report's number; None: it could not be written."""
        ...


class NobodyListens:
    """Where no list is kept: every guest is sent to staff."""

    async def report_from_guest(
        self, _site: SiteId, _kind: FaultKind, _counted: Mapping[str, str], _now: datetime, /
    ) -> int | None:
        """Take nothing."""
        return None


async def not_counted(_site: SiteId, _answer: Answer, _now: datetime) -> bool:
    """Count nothing."""
    return False


def no() -> bool:
    """Say no."""
    return False


def nothing(_sites: Iterable[SiteId], _now: datetime) -> Sequence[Notice]:
    """Say nothing."""
    return ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``library_is_away``: cards cannot be checked just now."""

    internet_is_down: Callable[[], bool] = no
    library_is_away: Callable[[], bool] = no
    notices: Said = nothing
    faults: GuestFaults = field(default_factory=NobodyListens)
    rate: Rate = not_counted
