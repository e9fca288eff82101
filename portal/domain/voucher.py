"""A voucher: so many devices may be online, from the first one's login on, until one of two clocks.

Not its code (voucher_code.py) and not a site's hours (admission.py). The rule to keep: "many uses"
means devices, never logins; and `use_before` closes first logins only, it ends no visit.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import SiteId, Subject

USE_WITHIN = timedelta(days=180)
"""Half a year in a drawer; then a slip that nobody used lets nobody in."""

LONGEST_UNUSED = timedelta(days=366)
"""An unused code is a live one, and every live one makes a guess likelier to hit."""

LONGEST_LIFE = timedelta(days=2 * 366)
"""From the making to the end, however often it is extended: so long its keys are kept."""

KEPT_AFTER_END = timedelta(days=30)
"""A visitor who comes back with an old slip is told what became of it."""

UNDO_WITHIN = timedelta(seconds=10)
"""A slip that was made by mistake is taken back before anybody can have used it."""

MOST_LIVE = 2000
"""Codes at a site that would let somebody in: a guesser at its cap then needs a year for a hit."""

MOST_AT_ONCE = 1000
MOST_DEVICES = 500

DESK_LIST = 20
"""Vouchers on the desk's page of the latest."""

SERIES = re.compile(r"[A-Z]{1,4}")
"""The letters of a series."""

_SERIAL = re.compile(r"([A-Z]{1,4})[-\s]*0*(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Serial:
    """What a voucher is called on the telephone: the letters of its series, and a number."""

    letters: str
    number: int

    def __str__(self) -> str:
        return f"{self.letters}-{self.number:04}"


def read_serial(text: str) -> Serial | None:
    """Read ``A-0412``, ``a412`` or ``A 412``; None: it is no serial."""
    match = _SERIAL.fullmatch(text.strip().upper()) if text.isascii() else None
    return Serial(match[1], int(match[2])) if match and int(match[2]) else None


@dataclass(frozen=True, slots=True)
class Lasts:
    """How long a voucher lasts from its first login: the earlier of the two that are given.

    Neither: until the library closes that day.
    """

    length: timedelta | None = None
    until: datetime | None = None

    def ends_at(self, first_used_at: datetime, closes_at: datetime) -> datetime:
        """Return when a voucher is over that is first used then; ``closes_at`` is that day's."""
        ends = [first_used_at + self.length] if self.length is not None else []
        ends += [self.until] if self.until is not None else []
        return min(ends) if ends else closes_at


TO_CLOSING = Lasts()


class VoucherState(StrEnum):
    """What staff see of a voucher."""

    UNUSED = "unused"
    IN_USE = "in_use"
    OVER = "over"
    """Its time is up, or nobody used it in time."""
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Voucher:
    """One voucher. All times are aware and in UTC.

    ``subject`` is the keyed hash that its sessions have as theirs, and ``key_id`` names the key.
    ``making`` is the act in which it was made, perhaps with others, and ``preset`` what from.
    ``devices`` is how many places are taken. ``ends_at`` is set by the first login. ``is_sealed``:
    code and token are kept encrypted still, so that the same slip can be printed.
    """

    id: UUID
    making: UUID
    serial: Serial
    site_id: SiteId
    subject: Subject
    key_id: str
    lasts: Lasts
    most_devices: int
    made_at: datetime
    starts_at: datetime
    use_before: datetime
    is_everywhere: bool = False
    preset: str = ""
    first_used_at: datetime | None = None
    ends_at: datetime | None = None
    revoked_at: datetime | None = None
    devices: int = 0
    is_sealed: bool = False

    @property
    def over_at(self) -> datetime:
        """When it lets nobody new in any more, as things stand."""
        if self.ends_at is not None:
            ends_at = self.ends_at
        else:
            ends_at = min(self.use_before, self.lasts.until or self.use_before)
        return ends_at if self.revoked_at is None else min(self.revoked_at, ends_at)

    def state(self, now: datetime) -> VoucherState:
        """Return what staff see."""
        if self.revoked_at is not None:
            return VoucherState.REVOKED
        if now >= self.over_at:
            return VoucherState.OVER
        return VoucherState.UNUSED if self.first_used_at is None else VoucherState.IN_USE

    def remaining(self, now: datetime) -> timedelta:
        """Return how much of a used voucher's time is left."""
        return max(self.over_at - now, timedelta(0))


class Unusable(StrEnum):
    """Why a voucher that exists lets nobody in here and now."""

    REVOKED = "revoked"
    OTHER_SITE = "other_site"
    EARLY = "early"
    EXPIRED = "expired"


def judge(voucher: Voucher, site_id: SiteId, now: datetime) -> Unusable | None:
    """Say why a voucher cannot be used at a site; None: it can, if a place is free."""
    if voucher.revoked_at is not None:
        return Unusable.REVOKED
    if voucher.site_id != site_id and not voucher.is_everywhere:
        return Unusable.OTHER_SITE
    if now >= voucher.over_at:
        return Unusable.EXPIRED
    return Unusable.EARLY if now < voucher.starts_at else None


def prolong(voucher: Voucher, length: timedelta, now: datetime) -> Voucher:
    """Return the voucher with ``length`` more, from now where its time is up already.

    One in use lasts longer; one that nobody used may be used later, and a fixed end moves along.
    """
    if voucher.ends_at is not None:
        ends_at = min(max(voucher.ends_at, now) + length, voucher.made_at + LONGEST_LIFE)
        return replace(voucher, ends_at=max(voucher.ends_at, ends_at))
    latest = voucher.made_at + LONGEST_UNUSED
    use_before = max(voucher.use_before, min(max(voucher.use_before, now) + length, latest))
    until = voucher.lasts.until
    if until is not None:
        until = max(until, min(max(until, now) + length, voucher.made_at + LONGEST_LIFE))
    return replace(voucher, use_before=use_before, lasts=replace(voucher.lasts, until=until))


@dataclass(frozen=True, slots=True)
class Preset:
    """What one press at the desk makes.

    ``label`` is what the button says; empty: the page says it by ``id`` in its own language.
    ``asks``: the page asks for the amount, and for when the event ends, before anything is made.
    ``use_within`` None: the first login must be the same day.
    """

    id: str
    lasts: Lasts = TO_CLOSING
    most_devices: int = 1
    use_within: timedelta | None = USE_WITHIN
    label: str = ""
    asks: bool = False


DEFAULT_PRESETS = (
    Preset("closing", use_within=None),
    Preset("4-hours", Lasts(timedelta(hours=4))),
    Preset("1-week", Lasts(timedelta(days=7))),
    Preset("group", asks=True),
)
