"""A staff member's visit to the staff site: how far the sign-in went, when it locks, when it ends.

Not a guest's session (session.py): nothing here says who is online. The rule to keep: what the
browser holds is a random token; everything else stands in the database, and time is a parameter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.staff_account import Account

WARN_BEFORE = timedelta(minutes=2)
"""How long before the lock a page says so (WCAG 2.2.1 asks for 20 s and one simple act)."""

HALF_WAY = timedelta(minutes=10)
"""How long a password counts that no second factor has followed yet."""

ENROLMENT = timedelta(minutes=30)
"""How long a first sign-in may take from the moment its code was typed."""


class Stage(StrEnum):
    """How far a sign-in has come."""

    CODE = "code"
    """The password was right; the second factor is still to come."""
    ENROLLING = "enrolling"
    """A first sign-in: password and second factor are being chosen."""
    OPEN = "open"


class Standing(StrEnum):
    """What a visit is good for now."""

    GOOD = "good"
    LOCKED = "locked"
    """Nobody was there for a while: the password opens it again."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """The settings."""

    idle_lock: timedelta = timedelta(minutes=15)
    longest: timedelta = timedelta(hours=12)

    def length(self, stage: Stage) -> timedelta:
        """Return how long a visit lasts from the beginning of this stage."""
        return {Stage.CODE: HALF_WAY, Stage.ENROLLING: ENROLMENT, Stage.OPEN: self.longest}[stage]


@dataclass(frozen=True, slots=True)
class StaffSession:
    """``label`` tells one's own visits apart: "Windows", "iPhone"; never what a browser wrote."""

    id: UUID
    account: Account
    stage: Stage
    site_id: SiteId | None
    started_at: datetime
    last_used_at: datetime
    ends_at: datetime
    locked: bool = False
    """By its owner's wish."""
    label: str = ""

    def standing(self, times: SessionTimes, now: datetime) -> Standing:
        """Judge the visit."""
        if now >= self.ends_at or not self.account.is_good(now):
            return Standing.OVER
        idle = now - self.last_used_at >= times.idle_lock
        if self.stage is Stage.OPEN and (self.locked or idle):
            return Standing.LOCKED
        return Standing.GOOD
