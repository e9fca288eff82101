"""Fault reports in PostgreSQL (implements services.ports.fault_reports.FaultReports)."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.domain.fault_report import FaultReport
from portal.domain.identity import SiteId
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.fault_reports import SiteHealth
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("fault_reports")

LOOKED_BACK = timedelta(hours=1)
AWAY_FOR = timedelta(minutes=10)
"""An answer that did not come is news for so long, if none came since."""


class PostgresFaultReports:
    """Reports of every site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, report: FaultReport) -> int:
        """See services.ports.fault_reports.FaultReports."""
        row = await self._database.fetch_row(
            _SQL["add"],
            *(report.at, report.site_id, report.kind, report.words),
            json.dumps(dict(report.facts)),
            report.by,
        )
        if row is None:
            raise DatabaseUnavailableError("add gave no row")
        return int(row["number"])

    async def add_from_guest(
        self, report: FaultReport, counted: Mapping[str, str], since: datetime
    ) -> int:
        """See services.ports.fault_reports.FaultReports."""
        values = (report.site_id, report.kind, report.by, since)
        said = (list(counted), list(counted.values()))
        row = await self._database.fetch_row(_SQL["join"], *values, *said)
        if row is not None:
            return int(row["number"])
        facts = {**report.facts, **{name: {word: 1} for name, word in counted.items()}}
        return await self.add(replace(report, facts=facts))

    async def health(self, site_id: SiteId, now: datetime) -> SiteHealth:
        """See services.ports.fault_reports.FaultReports."""
        values = (site_id, now, now - LOOKED_BACK, now - AWAY_FOR, now - NUMBER_IS_KEPT)
        row = await self._database.fetch_row(_SQL["health"], *values)
        if row is None:
            raise DatabaseUnavailableError("health gave no row")
        return SiteHealth(
            library_is_away=row["library_is_away"],
            checks=json.loads(row["checks"]),
            refusals=json.loads(row["refusals"]),
            waiting=row["waiting"],
            online=row["online"],
        )
