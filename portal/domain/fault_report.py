"""A fault that a desk reports: what happened in a word, in staff's own words, and what is known.

Not its way to IT. The rule to keep: nothing in it tells who was concerned; what looks like a card's
or a person's number is struck out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.identity import SiteId

LONGEST_WORDS = 500
"""Characters: some sentences."""

KEPT_DAYS = 365

_LONG_NUMBER = re.compile(r"\d(?:[\s.-]?\d){5,}")
"""Six digits or more, however they are set apart: a card, a PIN, a birth date, a telephone."""


class FaultKind(StrEnum):
    """What happened."""

    NOBODY_IN = "nobody_in"
    NOT_IN = "not_in"
    """A guest's word: they do not get in; of others they know nothing."""
    SLOW = "slow"
    SOME_SITES = "some_sites"
    THROWN_OUT = "thrown_out"
    OTHER = "other"


_BOTH = (FaultKind.SLOW, FaultKind.SOME_SITES, FaultKind.THROWN_OUT, FaultKind.OTHER)
DESK_KINDS = (FaultKind.NOBODY_IN, *_BOTH)
GUEST_KINDS = (FaultKind.NOT_IN, *_BOTH)

A_GUEST = ""
"""Who reports where nobody says who: no account has this name."""

JOINED_FOR = timedelta(days=1)
"""What guests of one library say of the same kind within so long is one report."""


@dataclass(frozen=True, slots=True)
class FaultReport:
    """One report. ``facts`` are what the machine knew, by plain names."""

    site_id: SiteId
    kind: FaultKind
    words: str
    facts: Mapping[str, object]
    by: str
    at: datetime


class FaultStatus(StrEnum):
    """How far a report has come."""

    NEW = "new"
    SEEN = "seen"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A report with its number, and what became of it."""

    number: int
    report: FaultReport
    seen_at: datetime | None = None
    owner: str | None = None
    fixed_at: datetime | None = None
    fixed_by: str | None = None
    times: int = 1
    """How many guests said so."""

    @property
    def status(self) -> FaultStatus:
        """How far it has come."""
        if self.fixed_at is not None:
            return FaultStatus.FIXED
        return FaultStatus.NEW if self.seen_at is None else FaultStatus.SEEN

    def is_overdue(self, now: datetime, answer_within: timedelta) -> bool:
        """Say whether nobody has seen it for longer than agreed."""
        return self.status is FaultStatus.NEW and now - self.report.at >= answer_within


def plain_words(text: str) -> str:
    """Return what somebody wrote, on one line, cut, and without long numbers."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return _LONG_NUMBER.sub("…", " ".join(printable.split()))[:LONGEST_WORDS]
