"""Counts of whole days in PostgreSQL (implements services.ports.day_figures.DayFigures)."""

from collections.abc import Sequence
from datetime import date, datetime

from portal.domain.identity import MacAddress, SiteId
from portal.domain.month_help import Answer, DayHelp, FaultTimes
from portal.domain.month_report import DayFigure, DayTries, DayWaits, Month
from portal.services.ports.day_figures import CountedDevice, OnlineDevice
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("day_figures")


class PostgresDayFigures:
    """Counts of every site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def online(self, since: datetime, now: datetime) -> Sequence[OnlineDevice]:
        """See services.ports.day_figures.DayFigures."""
        rows = await self._database.fetch(_SQL["online"], since, now)
        return [
            OnlineDevice(MacAddress(row["mac"]), SiteId(row["site_id"]), row["started_at"])
            for row in rows
        ]

    async def count(self, day: date, devices: Sequence[CountedDevice], now: datetime) -> None:
        """See services.ports.day_figures.DayFigures."""
        await self._database.fetch(
            _SQL["count"],
            *(day, [one.site_id for one in devices], [one.name for one in devices]),
            *([one.began for one in devices], now),
        )

    async def close(self, today: date, since: date, zone: str) -> int:
        """See services.ports.day_figures.DayFigures."""
        row = await self._database.fetch_row(_SQL["close_devices"], today)
        for name in ("close_samples", "close_tries", "close_waits", "close_help"):
            await self._database.fetch(_SQL[name], today, since, zone)
        await self._database.fetch(_SQL["close_empty"], today, since)
        return 0 if row is None else int(row["count"])

    async def last_closed(self) -> date | None:
        """See services.ports.day_figures.DayFigures."""
        row = await self._database.fetch_row(_SQL["last_closed"])
        return None if row is None else row["day"]

    async def read(self, first: date, after: date, zone: str) -> Month:
        """See services.ports.day_figures.DayFigures."""
        fetch = self._database.fetch
        times = await fetch(_SQL["fault_times"], first, after, zone)
        return Month(
            figures=[DayFigure(**row) for row in await fetch(_SQL["figures"], first, after)],
            tries=[DayTries(**row) for row in await fetch(_SQL["tries"], first, after)],
            waits=[DayWaits(**row) for row in await fetch(_SQL["waits"], first, after)],
            help=[DayHelp(**row) for row in await fetch(_SQL["help"], first, after)],
            fault_times=[FaultTimes(**row) for row in times],
        )

    async def rate(self, day: date, site_id: SiteId, answer: Answer) -> None:
        """See services.ports.day_figures.Ratings."""
        await self._database.fetch(_SQL["rate"], day, site_id, answer.value)
