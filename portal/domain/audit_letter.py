"""PURE: a week of the record of look-ups, counted for whoever watches over data protection.

Not the letter's words (portal/forwarding/audit_letter.py). The rule to keep: counts and the names
of staff's accounts, as the record's own page has them; nothing of a guest, no case number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.domain.audit_chain import Broken, Whole

DUE_AT = time(6)
"""On Monday, local: early enough for the week's first coffee, after the night's work."""

LATEST_WEEKS = 8
"""Letters that are caught up with after a long stop; earlier weeks stand in the record."""


@dataclass(frozen=True, slots=True)
class ActCount:
    """How often an account did something for a reason, and how many rows that showed."""

    act: str
    reason: str
    by: str
    times: int
    found: int


@dataclass(frozen=True, slots=True)
class WeekOfRecord:
    """``week`` is its Monday.

    ``verdict``: whether the record is whole, with its last number and hash, to be kept where nobody
    here can change them.
    """

    week: date
    counts: Sequence[ActCount]
    verdict: Broken | Whole


def newest_due(now: datetime, zone: ZoneInfo) -> date:
    """Return the Monday of the last week whose letter may be sent."""
    local = now.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday())
    is_early = local.date() == monday and local.time() < DUE_AT
    return monday - timedelta(weeks=2 if is_early else 1)


def bounds(week: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when the week began and was over."""
    begin = datetime.combine(week, time.min, zone)
    return begin, datetime.combine(week + timedelta(weeks=1), time.min, zone)
