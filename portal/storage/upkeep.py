"""Deleting what is due: nothing is kept longer than said (implements services.ports.Upkeep).

Not the destruction of keys (services/key_ring.py). The rule to keep: each statement stands alone,
so that a failure half-way leaves only work for the next time.
"""

from datetime import datetime, timedelta

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.domain.audit_chain import KEPT as AUDIT_IS_KEPT
from portal.domain.fault_report import KEPT_DAYS
from portal.domain.staff_limits import KNOWN_PLACE
from portal.domain.tutoring import GROUP_IS_KEPT
from portal.services.ports import Kept
from portal.storage.database import Database
from portal.storage.migrate import WEEKS_AHEAD
from portal.storage.statements import load_statements

_SQL = load_statements("upkeep")


COURTESY_IS_REMEMBERED = timedelta(days=2)
"""It is given once a day, whatever the time zone."""

PLACE_IS_KEPT = timedelta(days=1)
"""Where a device without a session was seen: as long as the address that led it to the portal."""

MOST_AT_ONCE = 2000
"""Rows a statement, far within a statement's time-out."""


class PostgresUpkeep:
    """Housekeeping, safe to run on every node at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tidy(self, kept: Kept, now: datetime) -> int:
        """See services.ports.Upkeep."""
        last_week = now - timedelta(days=7)
        await self._database.fetch(_SQL["make_weeks"], last_week, WEEKS_AHEAD + 2)
        deleted = await self._delete_small(kept, now)
        deleted += await self._forget_lowered()
        deleted += await self._delete_history("sessions", now - kept.sessions)
        deleted += await self._delete_history("events", now - kept.events)
        await self._database.fetch(_SQL["drop_weeks"], last_week)
        return deleted

    async def _delete_history(self, name: str, before: datetime) -> int:
        deleted = 0
        while True:
            row = await self._database.fetch_row(_SQL[name], before, MOST_AT_ONCE)
            count = 0 if row is None else int(row["count"])
            deleted += count
            if count < MOST_AT_ONCE:
                return deleted

    async def _forget_lowered(self) -> int:
        """Take back what sites whose privacy level was lowered must not hold any more."""
        deleted = 0
        while True:
            row = await self._database.fetch_row(_SQL["lowered"], MOST_AT_ONCE)
            count = 0 if row is None else int(row["count"])
            deleted += count
            if count == 0:
                return deleted

    async def _delete_small(self, kept: Kept, now: datetime) -> int:
        due = {
            "attempts": now - kept.attempts,
            "code_attempts": now - kept.attempts,
            "groups": now - GROUP_IS_KEPT,
            "known_devices": now - kept.known_devices,
            "arrivals": now - NUMBER_IS_KEPT,
            "courtesies": now - COURTESY_IS_REMEMBERED,
            "tickets": now,
            "staff_attempts": now - KNOWN_PLACE,
            "staff_visits": now,
            "staff_links": now,
            "remembered_devices": now,
            "vouchers": now - kept.vouchers,
            "accounts": now - kept.sessions,
            "port_blocks": now - kept.sessions,
            "guest_addresses": now - kept.sessions,
            "places": now - PLACE_IS_KEPT,
            "audit": now - AUDIT_IS_KEPT,
            "fault_reports": now - timedelta(days=KEPT_DAYS),
        }
        deleted = 0
        for name, before in due.items():
            row = await self._database.fetch_row(_SQL[name], before)
            deleted += 0 if row is None else row["count"]
        return deleted
