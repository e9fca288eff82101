"""Counts the devices and sessions of a day, and closes days that are over.

Not the log: whoever looks in the tables finds a name under the day's key, which stands outside the
database and is destroyed when the day is over; then only numbers are left. The rule to keep: a name
of one day can be compared with no other day's.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Never
from zoneinfo import ZoneInfo

import structlog

from portal.domain.statistics import bucket_of
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.day_figures import CountedDevice, DayFigures

LOOK_EVERY_S = 15.0
"""A device that was online for less than this may be missed."""

OVERLAP = timedelta(minutes=1)
"""Other processes' clocks start sessions, and a transaction takes its time."""

LONGEST_COUNTED = timedelta(days=61)
"""Within what is kept of counts of five minutes (storage/upkeep.py)."""

_log = structlog.get_logger()


@dataclass(slots=True)
class DayCounting:
    """One for each node; ``zone`` is the organisation's, by which a day begins and ends."""

    figures: DayFigures
    keys: KeyRing
    zone: ZoneInfo
    clock: Clock
    _looked_at: datetime | None = field(default=None, init=False)
    _whole_at: datetime | None = field(default=None, init=False)

    async def work(self) -> Never:
        """Look for ever."""
        while True:
            try:
                await self.look(self.clock())
            except DatabaseUnavailableError:
                pass
            except KeyRingError as problem:  # a day without this number, and nothing else
                _log.error("devices_not_counted", reason=str(problem))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, now: datetime) -> None:
        """Count who came since the last look, and every five minutes all who are there.

        Raises:
            DatabaseUnavailableError: nobody was counted; the next look does it.
            KeyRingError: the day's key cannot be made or read.
        """
        day = self._day(now)
        whole = bucket_of(now) != self._whole_at or self._looked_at is None
        since = datetime.min.replace(tzinfo=UTC) if whole else (self._looked_at or now) - OVERLAP
        midnight = self._begin(day)
        devices = [
            CountedDevice(
                self.keys.counted(one.mac, day), one.site_id, began=one.started_at >= midnight
            )
            for one in await self.figures.online(since, now)
        ]
        if devices:
            await self.figures.count(day, devices, now)
        self._looked_at = now
        self._whole_at = bucket_of(now)

    async def close(self, now: datetime) -> int:
        """Count the days that are over, destroy their keys; return the rows that went.

        Raises:
            DatabaseUnavailableError: not all of it; the next call does it.
        """
        today = self._day(now)
        self._destroy_keys(today)
        last = await self.figures.last_closed()
        since = today - LONGEST_COUNTED
        if last is not None:  # counts may come late: the last day is counted again
            since = max(since, min(last, today - timedelta(days=1)) - timedelta(days=1))
        return await self.figures.close(today, since, self.zone.key)

    def _destroy_keys(self, today: date) -> None:
        try:
            for key in self.keys.destroy_counted_before(today):
                _log.info("key_destroyed", key=key)
        except KeyRingError as problem:
            _log.error("key_not_destroyed", reason=str(problem))

    def _day(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.zone)
