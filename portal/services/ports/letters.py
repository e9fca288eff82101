"""The doors of the weekly letter: what it tells of, who has sent it, and the way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from portal.domain.audit_letter import ActCount, WeekOfRecord


class LetterNotTakenError(Exception):
    """The mail server did not take it, or nobody knows."""


@dataclass(frozen=True, slots=True)
class LetterState:
    """How it stands with a week's letter. ``sent_at`` None: it waits."""

    week: date
    tried_at: datetime | None
    sent_at: datetime | None


class Letters(Protocol):
    """Which weeks have had their letter. Every method raises DatabaseUnavailableError."""

    async def take(
        self, newest: date, oldest: date, node: str, lease: timedelta, now: datetime
    ) -> date | None:
        """Return the earliest week whose letter is this node's to send; None: none is.

        No other node gets it until ``lease`` is over. Weeks after the last known one, from
        ``oldest`` on, are due; where none is known, only ``newest``.
        """
        ...

    async def counts(self, since: datetime, until: datetime) -> Sequence[ActCount]:
        """Return what stands in the record of this time."""
        ...

    async def sent(self, week: date, told: Mapping[str, int | str], now: datetime) -> None:
        """Note that it was taken, and what it said."""
        ...

    async def latest(self, most: int) -> Sequence[LetterState]:
        """Return the newest weeks, the newest first."""
        ...


class LetterBox(Protocol):
    """The way to the reader."""

    async def post(self, told: WeekOfRecord) -> None:
        """Hand it over.

        Raises:
            LetterNotTakenError: it was not taken; it may be given again.
        """
        ...
