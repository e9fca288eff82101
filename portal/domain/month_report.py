"""A month in numbers: what the report tells, and what it withholds because it is too few.

Not the counting (services/day_counting.py) and not the page. The rules to keep: every number has
its definition, with a version; and a number of people below FEW is not told, nor can it be computed
from those that are.
"""

from dataclasses import dataclass
from datetime import date

from portal.domain.identity import SiteId


@dataclass(frozen=True, slots=True)
class DayFigure:
    """A day of one library, or of all ("" as ``site_id``). None: nobody counted that day."""

    day: date
    site_id: SiteId
    sessions: int | None
    devices: int | None
    online_minutes: int
    peak: int


@dataclass(frozen=True, slots=True)
class DayTries:
    """Presses on "log in" of some days."""

    site_id: SiteId
    method: str
    outcome: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class DayWaits:
    """Devices of some days that waited for at most ``bound_s``."""

    site_id: SiteId
    method: str
    bound_s: float
    count: int
