"""Tutoring: until when a tutor's protection holds.

Not who may tutor, and not the session it protects (session.py). The rule to keep: nothing here
shortens a protection; only its end by the tutor does.
"""

from datetime import datetime, timedelta

VISIT = timedelta(minutes=90)
"""What a tutoring visit takes as a rule."""

STEP = timedelta(minutes=30)
"""One more press, any number of times."""


def protect(protected_until: datetime | None, length: timedelta, now: datetime) -> datetime:
    """Return until when a device is protected that a tutor takes on for ``length`` from now."""
    return max(protected_until or now, now + length)


def prolong(protected_until: datetime | None, length: timedelta, now: datetime) -> datetime:
    """Return until when, after ``length`` more; a protection that ran out begins again now."""
    return max(protected_until or now, now) + length
