"""Reports a fault from a desk or a guest to IT: with a number, and with what is known of it.

Not what IT does with it. The rule to keep: a report is taken while the gate is away, which may be
what it is about; the facts say so.
"""

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from portal.domain.fault_report import (
    A_GUEST,
    JOINED_FOR,
    FaultKind,
    FaultReport,
    plain_words,
)
from portal.domain.identity import SiteId
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.ports import GateUnavailableError
from portal.services.ports.fault_reports import FaultReports, SiteHealth

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FaultReporting:
    """Reports of every site. ``version`` is Kvar's own, ``internet_is_down`` asks the uplink."""

    doors: Doors
    reports: FaultReports
    version: str = ""
    internet_is_down: Callable[[], bool] = lambda: False

    async def report(
        self, site_id: SiteId, kind: FaultKind, words: str, by: str, now: datetime
    ) -> int | None:
        """Write a report, and return its number; None: the database is away."""
        try:
            health = await self.reports.health(site_id, now)
            facts = await self._facts(health)
            report = FaultReport(site_id, kind, plain_words(words), facts, by, now)
            number = await self.reports.add(report)
        except STORE_ERRORS as error:
            _log.warning("store_failed", during="fault_report", reason=str(error))
            return None
        _log.warning("fault_reported", site=site_id, number=number, kind=kind)
        return number

    async def report_from_guest(
        self, site_id: SiteId, kind: FaultKind, counted: Mapping[str, str], now: datetime
    ) -> int | None:
        """Write what a guest says, or add it to what others said; None: the database is away."""
        try:
            facts = await self._facts(await self.reports.health(site_id, now))
            report = FaultReport(site_id, kind, "", facts, A_GUEST, now)
            number = await self.reports.add_from_guest(report, counted, now - JOINED_FOR)
        except STORE_ERRORS as error:
            _log.warning("store_failed", during="fault_report", reason=str(error))
            return None
        _log.info("fault_reported_by_guest", site=site_id, number=number, kind=kind)
        return number

    async def health(self, site_id: SiteId, now: datetime) -> SiteHealth | None:
        """Return what the site's records say, None while the database is away."""
        try:
            return await self.reports.health(site_id, now)
        except STORE_ERRORS:
            return None

    async def _facts(self, health: SiteHealth) -> dict[str, object]:
        return {
            "version": self.version,
            "machine": platform.system(),
            "gate_answers": await self._gate_answers(),
            "internet_is_down": self.internet_is_down(),
            "library_is_away": health.library_is_away,
            "library_answers_last_hour": dict(health.checks),
            "refusals_last_hour": dict(health.refusals),
            "waiting": health.waiting,
            "online": health.online,
        }

    async def _gate_answers(self) -> bool:
        try:
            await self.doors.gate.identify("192.0.2.1")  # nobody's (RFC 5737): an answer is all
        except GateUnavailableError:
            return False
        return True
