"""Staff accounts in PostgreSQL (implements services.ports.staff.StaffAccounts).

Not a judge of passwords and codes (portal/services/staff). The rule to keep: what may happen only
once (a link, a time step, a recovery code) is one statement that succeeds once.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.staff_account import Account, Role
from portal.services.ports.staff import Credentials, Link, NewSecondFactor
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("staff_accounts")


class PostgresStaffAccounts:
    """Who may sign in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account: Account, link: Link) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did(
            "create",
            account.id,
            account.name,
            sorted(account.roles),
            None if account.sites is None else sorted(account.sites),
            account.created_at,
            account.expires_at,
            link.hash,
            link.until,
        )

    async def all(self) -> list[Account]:
        """See services.ports.staff.StaffAccounts."""
        return [account_of(row) for row in await self._database.fetch(_SQL["all"])]

    async def credentials(self, name: str) -> Credentials | None:
        """See services.ports.staff.StaffAccounts."""
        row = await self._database.fetch_row(_SQL["credentials"], name)
        if row is None:
            return None
        return Credentials(account_of(row), row["password_hash"], row["totp_secret"])

    async def grant(
        self, name: str, roles: Collection[Role], sites: Collection[SiteId] | None
    ) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did("grant", name, sorted(roles), None if sites is None else list(sites))

    async def disable(self, name: str, at: datetime | None) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did("disable", name, at)

    async def set_end(self, name: str, at: datetime | None) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did("set_end", name, at)

    async def confirm(self, name: str, by: str, at: datetime) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did("confirm", name, by, at)

    async def reset(self, name: str, link: Link) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did("reset", name, link.hash, link.until)

    async def take_link(self, link_hash: bytes, now: datetime) -> Account | None:
        """See services.ports.staff.StaffAccounts."""
        row = await self._database.fetch_row(_SQL["take_link"], link_hash, now)
        return None if row is None else account_of(row)

    async def set_password(self, account_id: UUID, password_hash: str) -> None:
        """See services.ports.staff.StaffAccounts."""
        await self._database.fetch(_SQL["set_password"], account_id, password_hash)

    async def set_second_factor(self, account_id: UUID, new: NewSecondFactor) -> None:
        """See services.ports.staff.StaffAccounts."""
        await self._database.fetch(
            _SQL["set_second_factor"], account_id, new.totp_secret, new.step, list(new.recovery)
        )

    async def use_step(self, account_id: UUID, step: int) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did("use_step", account_id, step)

    async def use_recovery(self, account_id: UUID, code_hash: bytes) -> bool:
        """See services.ports.staff.StaffAccounts."""
        return await self._did("use_recovery", account_id, code_hash)

    async def replace_recovery(self, account_id: UUID, hashes: Sequence[bytes]) -> None:
        """See services.ports.staff.StaffAccounts."""
        await self._database.fetch(_SQL["replace_recovery"], account_id, list(hashes))

    async def recovery_left(self, account_id: UUID) -> int:
        """See services.ports.staff.StaffAccounts."""
        row = await self._database.fetch_row(_SQL["recovery_left"], account_id)
        return 0 if row is None else int(row["count"])

    async def _did(self, name: str, *values: object) -> bool:
        return await self._database.fetch_row(_SQL[name], *values) is not None


def account_of(row: Mapping[str, Any]) -> Account:
    """Return the account in a row of staff_account."""
    return Account(
        id=row["id"],
        name=row["name"],
        roles=frozenset(Role(role) for role in row["roles"]),
        sites=None if row["sites"] is None else frozenset(map(SiteId, row["sites"])),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        disabled=row["disabled_at"] is not None,
        last_sign_in_at=row["last_sign_in_at"],
        reviewed_at=row["reviewed_at"],
        reviewed_by=row["reviewed_by"],
        enrolled=row["password_hash"] is not None and row["totp_secret"] is not None,
    )
