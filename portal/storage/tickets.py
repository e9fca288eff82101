"""Fault reports as IT works on them (implements services.ports.fault_reports.Tickets)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from portal.domain.fault_report import FaultKind, FaultReport, Ticket
from portal.domain.identity import SiteId
from portal.services.ports.fault_reports import Untold
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("tickets")


class PostgresTickets:
    """Reports of every site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_sites(self, site_ids: Sequence[SiteId], fixed_since: datetime) -> list[Ticket]:
        """See services.ports.fault_reports.Tickets."""
        rows = await self._database.fetch(_SQL["of_sites"], list(site_ids), fixed_since)
        return [_ticket(row) for row in rows]

    async def see(self, number: int, site_ids: Sequence[SiteId], by: str, now: datetime) -> bool:
        """See services.ports.fault_reports.Tickets."""
        return bool(await self._database.fetch(_SQL["see"], number, list(site_ids), by, now))

    async def fix(self, number: int, site_ids: Sequence[SiteId], by: str, now: datetime) -> bool:
        """See services.ports.fault_reports.Tickets."""
        return bool(await self._database.fetch(_SQL["fix"], number, list(site_ids), by, now))

    async def take_untold(
        self, system: str, now: datetime, lease: timedelta, answer_within: timedelta
    ) -> Untold | None:
        """See services.ports.fault_reports.Tickets."""
        row = await self._database.fetch_row(
            _SQL["take_untold"], system, now, now - lease, now - answer_within
        )
        return None if row is None else Untold(_ticket(row), row["reminder"])

    async def told(self, system: str, untold: Untold, now: datetime) -> None:
        """See services.ports.fault_reports.Tickets."""
        await self._database.fetch(_SQL["told"], system, untold.ticket.number, now)


def _ticket(row: Any) -> Ticket:
    report = FaultReport(
        SiteId(row["site_id"]),
        FaultKind(row["kind"]),
        row["words"],
        json.loads(row["facts"]),
        row["by"],
        row["at"],
    )
    return Ticket(
        row["number"],
        report,
        row["seen_at"],
        row["owner"],
        row["fixed_at"],
        row["fixed_by"],
        row["times"],
    )
