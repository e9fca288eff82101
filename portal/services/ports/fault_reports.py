"""The door to fault reports, and to what a site's own records say of its health."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.domain.fault_report import FaultReport
from portal.domain.identity import SiteId


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """What the last hour's records say of a site.

    ``library_is_away``: the last answers of the library system were none. ``checks`` counts its
    answers by their kind, ``refusals`` the reasons that guests were told, the commonest first.
    """

    library_is_away: bool
    checks: Mapping[str, int]
    refusals: Mapping[str, int]
    waiting: int
    online: int


class FaultReports(Protocol):
    """Reports from desks. Every method raises DatabaseUnavailableError."""

    async def add(self, report: FaultReport) -> int:
        """Write a report, and return its number."""
        ...

    async def health(self, site_id: SiteId, now: datetime) -> SiteHealth:
        """Return what the site's records say."""
        ...
