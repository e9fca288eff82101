"""How many wrong staff passwords and codes are too many: delays, never a lock.

Not the counting (portal/storage/staff_attempts.py). The rule to keep: nobody is locked out for
good, and guessing from elsewhere never delays who signs in where this account was used before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

KNOWN_PLACE = timedelta(days=30)
"""How long an address counts as the account's own after a sign-in there; also in SQL."""

FREE_TRIES = 5
PLACE_FREE_TRIES = 20
"""An address may be a whole library's: one who mistypes must not delay the others at once."""

FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=15)
ALARM_AT = 10
"""Wrong attempts on one account: more than a person makes who is told to wait each time."""


@dataclass(frozen=True, slots=True)
class StaffTally:
    """What stands against an attempt: wrong and undecided ones of the same kind before it.

    ``account_*``: on this account in the last 24 hours, from this address where it is known to the
    account, otherwise from all unknown ones. ``place_*``: from this address over all accounts, in
    the last hour. reserve_staff_attempt counts so (0005_staff.sql).
    """

    account_wrong: int = 0
    account_last_at: datetime | None = None
    place_wrong: int = 0
    place_last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``wait_until`` None: the attempt may be made. ``alarm``: IT should hear of this."""

    wait_until: datetime | None
    alarm: bool


def judge(tally: StaffTally, now: datetime) -> Verdict:
    """Say whether one more attempt may be made, or when."""
    ends = [
        min(last, now) + pause  # a clock that was set back must not lengthen it
        for pause, last in (
            (pause_after(tally.account_wrong, FREE_TRIES), tally.account_last_at),
            (pause_after(tally.place_wrong, PLACE_FREE_TRIES), tally.place_last_at),
        )
        if last is not None
    ]
    until = max(ends, default=now)
    alarm = tally.account_wrong >= ALARM_AT or tally.place_wrong >= PLACE_FREE_TRIES + FREE_TRIES
    return Verdict(until if until > now else None, alarm)


def pause_after(wrong: int, free: int) -> timedelta:
    """Return the pause after so many wrong attempts: none, then 15 s, doubling to 15 min."""
    if wrong < free:
        return timedelta(0)
    return min(FIRST_PAUSE * (1 << min(wrong - free, 10)), LONGEST_PAUSE)
