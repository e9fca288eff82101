"""Counts in PostgreSQL (implements services.ports.statistics.Statistics)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from portal.domain.forwarded_event import ALARMS
from portal.domain.identity import SiteId
from portal.domain.statistics import OnlineSample, TryCount, WaitCount
from portal.services.ports.statistics import News, NodeReport, PointNow, Records
from portal.storage.database import Database
from portal.storage.figures import PostgresFigures
from portal.storage.statements import known_columns, load_statements

_SQL = load_statements("statistics")

_AWAY_FOR = timedelta(minutes=10)
IN_DETAIL = timedelta(hours=1)
"""What is told of the last hour is told to five minutes; what was before by half hours."""

_HEARD_WITHIN = timedelta(minutes=30)
"""Access points tell of a visit every five or ten minutes."""

NEWS = (*sorted(ALARMS), "uplink_returned")
"""What happened to the system. What staff did stands in the record, for those who read that."""


class PostgresStatistics:
    """Counts of every site."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._figures = PostgresFigures(database)

    async def add(self, tries: Sequence[TryCount], waits: Sequence[WaitCount]) -> None:
        """See services.ports.statistics.Statistics."""
        if not tries and not waits:
            return
        await self._database.fetch(
            _SQL["add"],
            *([t.at for t in tries], [t.site_id for t in tries], [t.method for t in tries]),
            *([t.outcome for t in tries], [t.reason for t in tries], [t.count for t in tries]),
            *([w.at for w in waits], [w.site_id for w in waits], [w.method for w in waits]),
            *([w.bound_s for w in waits], [w.count for w in waits]),
            [t.access_point for t in tries],
        )

    async def sample(self, site_ids: Sequence[SiteId], at: datetime, now: datetime) -> None:
        """See services.ports.statistics.Statistics."""
        await self._database.fetch(_SQL["sample"], list(site_ids), at, now)

    async def report(self, report: NodeReport) -> None:
        """See services.ports.statistics.Statistics."""
        await self._database.fetch(
            _SQL["report"],
            *(report.node, report.at, report.version, report.in_step),
            *(report.gate_answers, report.gate_devices, report.interfaces_missing),
        )

    async def read(self, since: datetime, now: datetime) -> Records:
        """See services.ports.statistics.Statistics."""
        fetch = self._database.fetch
        lately = now - IN_DETAIL
        figures = await self._figures.read(now)
        tutored = await fetch(_SQL["tutored"], now)
        points = await fetch(_SQL["points"], now - _HEARD_WITHIN, since)
        return Records(
            online=figures.online,
            samples=[OnlineSample(**row) for row in await fetch(_SQL["samples"], since)],
            tries=[TryCount(**row) for row in await fetch(_SQL["tries"], since, lately)],
            waits=[WaitCount(**row) for row in await fetch(_SQL["waits"], since, lately)],
            faults=figures.faults,
            library_is_away=frozenset(
                SiteId(row["site_id"]) for row in await fetch(_SQL["library"], now - _AWAY_FOR)
            ),
            tutored={SiteId(row["site_id"]): row["count"] for row in tutored},
            points=[PointNow(**row) for row in points],
            point_tries=[TryCount(**row) for row in await fetch(_SQL["point_tries"], lately)],
            nodes=[
                NodeReport(**known_columns(NodeReport, row)) for row in await fetch(_SQL["nodes"])
            ],
            news=[News(**row) for row in await fetch(_SQL["news"], since, list(NEWS))],
        )
