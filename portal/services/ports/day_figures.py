"""The door to what is counted by whole days: of devices today, and of days that are over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from portal.domain.identity import MacAddress, SiteId
from portal.domain.month_help import Answer
from portal.domain.month_report import Month


@dataclass(frozen=True, slots=True)
class OnlineDevice:
    """A device that is online now. ``mac`` leaves the keeper only as a name under the day's key."""

    mac: MacAddress
    site_id: SiteId
    started_at: datetime


@dataclass(frozen=True, slots=True)
class CountedDevice:
    """The same by its name of the day. ``began``: its session began today."""

    name: bytes
    site_id: SiteId
    began: bool


class DayFigures(Protocol):
    """Every method raises DatabaseUnavailableError."""

    async def online(self, since: datetime, now: datetime) -> Sequence[OnlineDevice]:
        """Return the devices online now whose sessions began since."""
        ...

    async def count(self, day: date, devices: Sequence[CountedDevice], now: datetime) -> None:
        """Note that these devices were seen; once a device, site and day, however often noted.

        A session is counted when it began today and its device was not seen for four hours.
        """
        ...

    async def close(self, today: date, since: date, zone: str) -> int:
        """Count the days before ``today``, their counts of five minutes from ``since`` on.

        Return how many rows of counted devices went. Counting a day again changes nothing.
        """
        ...

    async def last_closed(self) -> date | None:
        """Return the last day that was counted."""
        ...

    async def read(self, first: date, after: date, zone: str) -> Month:
        """Return the days from ``first`` until before ``after``, of this time zone."""
        ...


class Ratings(Protocol):
    """What visitors answer; fails open: an answer that cannot be counted is lost."""

    async def rate(self, day: date, site_id: SiteId, answer: Answer) -> None:
        """Count an answer.

        Raises:
            DatabaseUnavailableError: it was not counted.
        """
        ...
