"""Staff's visits in PostgreSQL (implements services.ports.staff.StaffSessions).

Not a judge of them (portal/domain/staff_session.py). The rule to keep: a token is stored as its
hash only, and each request reads the account anew, so that a disabled one is out at once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.staff_session import StaffSession, Stage
from portal.services.ports.staff import NewSession
from portal.storage.database import Database
from portal.storage.staff_accounts import account_of
from portal.storage.statements import load_statements

_SQL = load_statements("staff_sessions")


class PostgresStaffSessions:
    """Who is signed in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, new: NewSession, instead_of: UUID | None) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(
            _SQL["begin"],
            *(new.id, new.token_hash, new.account_id, new.stage, new.site_id),
            *(new.started_at, new.ends_at, new.label, instead_of),
        )

    async def find(self, token_hash: bytes) -> StaffSession | None:
        """See services.ports.staff.StaffSessions."""
        row = await self._database.fetch_row(_SQL["find"], token_hash)
        return None if row is None else _session_of(row)

    async def touch(self, session_id: UUID, now: datetime) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(_SQL["touch"], session_id, now)

    async def lock(self, session_id: UUID) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(_SQL["lock"], session_id)

    async def unlock(self, session_id: UUID, now: datetime) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(_SQL["unlock"], session_id, now)

    async def choose_site(self, session_id: UUID, site_id: SiteId) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(_SQL["choose_site"], session_id, site_id)

    async def offer_secret(self, session_id: UUID, sealed: bytes) -> bytes:
        """See services.ports.staff.StaffSessions."""
        row = await self._database.fetch_row(_SQL["offer_secret"], session_id, sealed)
        return sealed if row is None else bytes(row["pending_secret"])

    async def of_account(self, account_id: UUID, now: datetime) -> list[StaffSession]:
        """See services.ports.staff.StaffSessions."""
        rows = await self._database.fetch(_SQL["of_account"], account_id, now)
        return [_session_of(row) for row in rows]

    async def end(self, account_id: UUID, session_id: UUID) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(_SQL["end"], account_id, session_id)

    async def end_others(self, account_id: UUID, but: UUID) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(_SQL["end_others"], account_id, but)

    async def end_all(self, account_id: UUID) -> None:
        """See services.ports.staff.StaffSessions."""
        await self._database.fetch(_SQL["end_all"], account_id)


def _session_of(row: Mapping[str, Any]) -> StaffSession:
    return StaffSession(
        id=row["session_id"],
        account=account_of(row),
        stage=Stage(row["stage"]),
        site_id=None if row["site_id"] is None else SiteId(row["site_id"]),
        started_at=row["started_at"],
        last_used_at=row["last_used_at"],
        ends_at=row["ends_at"],
        locked=row["locked"],
        label=row["label"],
    )
