"""Tutoring: until when a tutor's protection holds, for one device or for a group.

Not who may tutor, and not the session it protects (session.py). The rule to keep: nothing here
shortens a protection; only its end by the tutor does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.identity import SiteId

VISIT = timedelta(minutes=90)
"""What a tutoring visit takes as a rule."""

STEP = timedelta(minutes=30)
"""One more press, any number of times."""

GROUP_WINDOW = timedelta(hours=2)
"""What a course takes: so long its room code lets in, and so long its devices are protected."""

GROUP_DEVICES = 15
"""A room full of learners; a code that gets out lets no more than these in."""


GROUP_IS_KEPT = timedelta(days=1)
"""After its end: so long its code is told to be an old one, and a late tutor may prolong it."""


@dataclass(frozen=True, slots=True)
class Group:
    """A tutoring group: a room code lets ``most_devices`` in at a site until ``ends_at``.

    ``number`` names it among the site's groups that have not ended, for the tutor. ``ended_at`` is
    when the tutor ended it.
    """

    id: UUID
    site_id: SiteId
    number: int
    starts_at: datetime
    ends_at: datetime
    most_devices: int
    ended_at: datetime | None = None

    def takes_in(self, now: datetime) -> bool:
        """Whether its code still lets devices in: not ended, and its window not run out."""
        return self.ended_at is None and now < self.ends_at

    @property
    def over_at(self) -> datetime:
        """When its code stopped, or will stop, letting devices in."""
        return self.ends_at if self.ended_at is None else min(self.ended_at, self.ends_at)


def protect(protected_until: datetime | None, length: timedelta, now: datetime) -> datetime:
    """Return until when a device is protected that a tutor takes on for ``length`` from now."""
    return max(protected_until or now, now + length)


def prolong(protected_until: datetime | None, length: timedelta, now: datetime) -> datetime:
    """Return until when, after ``length`` more; a protection that ran out begins again now."""
    return max(protected_until or now, now) + length
