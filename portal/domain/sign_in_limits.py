"""How many wrong PINs are too many: per card and device, per card, per device, per site.

Not a lock on a card: what is exhausted is always the budget of devices that never used the card,
so nobody can lock a patron out by guessing. Not a place for counting (storage does).
The rule to keep: an attempt counts as wrong from its reservation until the library system says
otherwise, so guesses made in parallel cannot exceed a budget.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DAY = timedelta(hours=24)
"""Rolling, so that midnight is not a doubled budget."""

DEVICE_WINDOW = timedelta(hours=1)
CARDS_WINDOW = timedelta(minutes=30)
SITE_WINDOW = timedelta(minutes=10)
SITE_RATE_WINDOW = timedelta(seconds=10)
"""A class that logs in at once is no attack: the rate counts over ten seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings. ``lock_limit`` is the library system's own: wrong PINs before it locks."""

    attempts_per_day: int = 3
    lock_limit: int | None = None
    wrong_before_waits: int = 5
    longest_wait: timedelta = timedelta(minutes=15)
    device_wrong_per_hour: int = 20
    device_cards: int = 5
    site_checks_per_s: int = 10
    site_wrong: int = 60
    site_slow_down_s: float = 1.0

    @property
    def unknown_devices_per_day(self) -> int:
        """Wrong PINs a card may get in 24 h from devices that never used it.

        Two below the library system's lock: one more is kept for the owner's known device.
        """
        if self.lock_limit is None:
            return self.attempts_per_day
        return min(self.attempts_per_day, max(self.lock_limit - 2, 0))


@dataclass(frozen=True, slots=True)
class Tally:
    """What stands against an attempt. Counts are of wrong and undecided attempts before it.

    ``pair_*``: this card on this device since its last success, 24 h. ``strangers_*``: this card
    on devices that never used it, 24 h. ``card_wrong``: this card on any device since its last
    success, 24 h. ``device_*``: this device over all cards, 1 h. ``cards_*``: other cards on this
    device, 30 min. ``site_checks``: all attempts at the site in 10 s; ``site_wrong``: in 10 min.
    ``*_undecided``: how many of these the library system is being asked about just now.
    """

    device_is_known: bool = False
    pair_wrong: int = 0
    pair_last_at: datetime | None = None
    strangers_wrong: int = 0
    strangers_first_at: datetime | None = None
    card_wrong: int = 0
    card_first_at: datetime | None = None
    device_wrong: int = 0
    device_first_at: datetime | None = None
    cards_tried: int = 0
    cards_first_at: datetime | None = None
    site_checks: int = 0
    site_wrong: int = 0
    pair_undecided: int = 0
    strangers_undecided: int = 0
    card_undecided: int = 0
    device_undecided: int = 0


@dataclass(frozen=True, slots=True)
class Allowed:
    """The library system may be asked, after a pause of ``delay_s``.

    If the PIN turns out wrong, ``attempts_left`` more may follow at once; the one after these
    must wait ``wait_s`` (None: then only a code or the staff help today).
    ``alarm`` says that the site sees an unusual number of wrong PINs.
    """

    attempts_left: int
    wait_s: int | None
    delay_s: float = 0.0
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Too early: the same may be tried again at ``until``."""

    until: datetime


@dataclass(frozen=True, slots=True)
class UseCodeOrStaff:
    """Cards are over for this device (or this card on it) until ``until``."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Busy:
    """The budget is held by attempts that are being checked: ask again when they are settled."""


Verdict = Allowed | Wait | UseCodeOrStaff | Busy


def judge(tally: Tally, limits: Limits, now: datetime) -> Verdict:
    """Say whether one more attempt may reach the library system."""
    refusal = _refusal(tally, limits, now)
    if refusal is not None:
        is_busy = _refusal(_settled_well(tally), limits, now) is None
        return Busy() if is_busy else refusal
    alarm = tally.site_wrong >= limits.site_wrong
    return Allowed(
        attempts_left=_attempts_left(tally, limits),
        wait_s=_wait_s(tally, limits),
        delay_s=limits.site_slow_down_s if alarm else 0.0,
        alarm=alarm,
    )


def _refusal(tally: Tally, limits: Limits, now: datetime) -> Wait | UseCodeOrStaff | None:
    return (
        _device(tally, limits, now)
        or _card(tally, limits, now)
        or _pair(tally, limits, now)
        or _site(tally, limits, now)
    )


def _settled_well(tally: Tally) -> Tally:
    """Return what would stand there if every attempt being checked turned out right."""
    return replace(
        tally,
        pair_wrong=tally.pair_wrong - tally.pair_undecided,
        strangers_wrong=tally.strangers_wrong - tally.strangers_undecided,
        card_wrong=tally.card_wrong - tally.card_undecided,
        device_wrong=tally.device_wrong - tally.device_undecided,
    )


def _device(tally: Tally, limits: Limits, now: datetime) -> UseCodeOrStaff | None:
    if tally.device_wrong >= limits.device_wrong_per_hour:
        return UseCodeOrStaff(_later(tally.device_first_at, DEVICE_WINDOW, now))
    if tally.cards_tried >= limits.device_cards:
        return UseCodeOrStaff(_later(tally.cards_first_at, CARDS_WINDOW, now))
    return None


def _card(tally: Tally, limits: Limits, now: datetime) -> UseCodeOrStaff | None:
    if not tally.device_is_known and tally.strangers_wrong >= limits.unknown_devices_per_day:
        return UseCodeOrStaff(_later(tally.strangers_first_at, DAY, now))
    if limits.lock_limit is not None and tally.card_wrong >= limits.lock_limit - 1:
        return UseCodeOrStaff(_later(tally.card_first_at, DAY, now))
    return None


def _pair(tally: Tally, limits: Limits, now: datetime) -> Wait | None:
    wait = _pause(tally.pair_wrong, limits)
    until = _later(tally.pair_last_at, wait, now)
    return Wait(until) if wait and until > now else None


def _site(tally: Tally, limits: Limits, now: datetime) -> Wait | None:
    most = limits.site_checks_per_s * SITE_RATE_WINDOW.total_seconds()
    return Wait(now + SITE_RATE_WINDOW) if tally.site_checks >= most else None


def _pause(wrong: int, limits: Limits) -> timedelta:
    """Return the wait after so many wrong PINs in a row: none, then 1, 2, 4 … minutes."""
    doublings = wrong - limits.wrong_before_waits
    if doublings < 0:
        return timedelta(0)
    return min(timedelta(minutes=2 ** min(doublings, 10)), limits.longest_wait)


def _later(since: datetime | None, period: timedelta, now: datetime) -> datetime:
    """Return the end of a period that began then; a clock set back must not make it longer."""
    return min(since if since is not None else now, now) + period


def _attempts_left(tally: Tally, limits: Limits) -> int:
    """Return how many attempts are left at once when this one turns out wrong."""
    budgets = [limits.wrong_before_waits - tally.pair_wrong, *_daily_budgets(tally, limits)]
    return max(min(budgets) - 1, 0)


def _daily_budgets(tally: Tally, limits: Limits) -> list[int]:
    budgets = [limits.device_wrong_per_hour - tally.device_wrong]
    if not tally.device_is_known:
        budgets.append(limits.unknown_devices_per_day - tally.strangers_wrong)
    if limits.lock_limit is not None:
        budgets.append(limits.lock_limit - 1 - tally.card_wrong)
    return budgets


def _wait_s(tally: Tally, limits: Limits) -> int | None:
    """Return the pause after the last attempt left, None where a daily budget ends first."""
    until_pause = max(limits.wrong_before_waits - tally.pair_wrong, 1)
    if min(_daily_budgets(tally, limits)) <= until_pause:
        return None
    return int(_pause(tally.pair_wrong + until_pause, limits).total_seconds())
