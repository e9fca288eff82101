"""Deletes what is due (implements services.ports.purging.Upkeep): nothing is kept longer than said.

Not the destruction of keys (services/key_ring.py). The rule to keep: each statement stands alone,
so that a failure half-way leaves only work for the next time.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.domain.audit_chain import KEPT as AUDIT_IS_KEPT
from portal.domain.fault_report import KEPT_DAYS
from portal.domain.staff_limits import KNOWN_PLACE
from portal.domain.tutoring import GROUP_IS_KEPT
from portal.services.ports import Kept
from portal.services.ports.purging import Evidence
from portal.storage.database import Database
from portal.storage.migrate import WEEKS_AHEAD
from portal.storage.statements import load_statements

_SQL = load_statements("upkeep")


COURTESY_IS_REMEMBERED = timedelta(days=2)
"""It is given once a day, whatever the time zone."""

PLACE_IS_KEPT = timedelta(days=1)
"""Where a device without a session was seen: as long as the address that led it to the portal."""

ADMISSION_IS_KEPT = timedelta(hours=1)
"""After the end that a gateway was told, by which it puts the device out itself."""

COUNTS_ARE_KEPT = timedelta(days=62)
"""Counts of five minutes: two months; those of whole days stay, since nobody is in them."""

OUTBOX_IS_KEPT = timedelta(days=7)
"""For the log collector; whoever forwards deletes by the same time (services/forwarding.py)."""

NOTICE_IS_KEPT = timedelta(days=30)
"""After its end: whose it was is a person's name."""

MOST_AT_ONCE = 2000
"""Rows a statement, far within a statement's time-out."""


class PostgresUpkeep:
    """Housekeeping, safe to run on every node at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tidy(self, kept: Kept, now: datetime, deleted: Counter[str] | None = None) -> int:
        """See services.ports.purging.Upkeep."""
        counts = Counter[str]() if deleted is None else deleted
        before = counts.total()
        last_week = now - timedelta(days=7)
        await self._database.fetch(_SQL["make_weeks"], last_week, WEEKS_AHEAD + 2)
        for name, due in _due(kept, now).items():
            row = await self._database.fetch_row(_SQL[name], due)
            counts[name] += 0 if row is None else int(row["count"])
        await self._forget_lowered(counts)
        await self._delete_history("sessions", now - kept.sessions, counts)
        await self._delete_history("events", now - kept.events, counts)
        row = await self._database.fetch_row(_SQL["sealed_identities"])
        counts["sealed_identities"] += 0 if row is None else int(row["count"])
        await self._database.fetch(_SQL["drop_weeks"], last_week)
        return counts.total() - before

    async def _delete_history(self, name: str, before: datetime, counts: Counter[str]) -> None:
        while True:
            row = await self._database.fetch_row(_SQL[name], before, MOST_AT_ONCE)
            count = 0 if row is None else int(row["count"])
            counts[name] += count
            if count < MOST_AT_ONCE:
                return

    async def _forget_lowered(self, counts: Counter[str]) -> None:
        """Take back what sites whose privacy level was lowered must not hold any more."""
        while True:
            row = await self._database.fetch_row(_SQL["lowered"], MOST_AT_ONCE)
            count = 0 if row is None else int(row["count"])
            counts["lowered"] += count
            if count == 0:
                return

    async def oldest(self) -> Mapping[str, datetime | None]:
        """See services.ports.purging.Upkeep."""
        row = await self._database.fetch_row(_SQL["oldest"])
        return {} if row is None else dict(row)

    async def note(self, evidence: Evidence) -> None:
        """See services.ports.purging.Upkeep."""
        left = {name: at and at.isoformat() for name, at in evidence.oldest.items()}
        await self._database.fetch(
            _SQL["note"],
            *(evidence.id, evidence.at, evidence.node, json.dumps(dict(evidence.deleted))),
            *(json.dumps(left), list(evidence.keys)),
        )

    async def last_run(self) -> Evidence | None:
        """See services.ports.purging.Upkeep."""
        row = await self._database.fetch_row(_SQL["last_run"])
        if row is None:
            return None
        left = json.loads(row["oldest"])
        return Evidence(
            id=row["id"],
            at=row["at"],
            node=row["node"],
            deleted=json.loads(row["deleted"]),
            oldest={name: at and datetime.fromisoformat(at) for name, at in left.items()},
            keys=tuple(row["keys"]),
        )


def _due(kept: Kept, now: datetime) -> Mapping[str, datetime]:
    """Return before when a row is due, by class; history has statements of its own."""
    return {
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
        "staff_accounts": now - AUDIT_IS_KEPT,
        "api_tokens": now - AUDIT_IS_KEPT,
        "remembered_devices": now,
        "vouchers": now - kept.vouchers,
        "series": now - kept.vouchers,
        "accounts": now - kept.sessions,
        "port_blocks": now - kept.sessions,
        "guest_addresses": now - kept.sessions,
        "places": now - PLACE_IS_KEPT,
        "gateway_admissions": now - ADMISSION_IS_KEPT,
        "outages": now - kept.events,
        "outbox": now - OUTBOX_IS_KEPT,
        "audit": now - AUDIT_IS_KEPT,
        "fault_reports": now - timedelta(days=KEPT_DAYS),
        "notices": now - NOTICE_IS_KEPT,
        "counts": now - COUNTS_ARE_KEPT,
        "evidence": now - AUDIT_IS_KEPT,
        "letters": now - AUDIT_IS_KEPT,
    }
