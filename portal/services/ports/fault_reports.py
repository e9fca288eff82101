"""The door to fault reports, and to what a site's own records say of its health."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from portal.domain.fault_report import FaultReport, Ticket
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


@dataclass(frozen=True, slots=True)
class Untold:
    """A report that a ticket system is to be told of: a new one, or one that nobody has seen."""

    ticket: Ticket
    reminder: bool


class Tickets(Protocol):
    """Reports as IT works on them. Every method raises DatabaseUnavailableError."""

    async def of_sites(self, site_ids: Sequence[SiteId], fixed_since: datetime) -> list[Ticket]:
        """Return those that are open, the oldest first, then those fixed since."""
        ...

    async def see(self, number: int, site_ids: Sequence[SiteId], by: str, now: datetime) -> bool:
        """Make it somebody's; False: there is none that is open at these sites."""
        ...

    async def fix(self, number: int, site_ids: Sequence[SiteId], by: str, now: datetime) -> bool:
        """Say that it is fixed; False as in ``see``."""
        ...

    async def take_untold(
        self, system: str, now: datetime, lease: timedelta, answer_within: timedelta
    ) -> Untold | None:
        """Return one that this ticket system is to be told of.

        Nobody gets it again for this system until ``lease`` is over; other systems do.
        """
        ...

    async def told(self, system: str, untold: Untold, now: datetime) -> None:
        """Note that this ticket system was told."""
        ...


class FaultReports(Protocol):
    """Reports from desks. Every method raises DatabaseUnavailableError."""

    async def add(self, report: FaultReport) -> int:
        """Write a report, and return its number."""
        ...

    async def add_from_guest(
        self, report: FaultReport, counted: Mapping[str, str], since: datetime
    ) -> int:
        """Write a guest's report, or add to one that is open, and return its number.

        One of the same library and kind that was made since is added to. ``counted`` names what
        is counted of each report, such as "browsers": "Firefox".
        """
        ...

    async def health(self, site_id: SiteId, now: datetime) -> SiteHealth:
        """Return what the site's records say."""
        ...
