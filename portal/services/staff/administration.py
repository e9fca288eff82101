"""Who has a staff account: made on the gateway's own command line, looked over and ended by IT.

Not the pages (portal/web/staff/accounts.py), which make none: the one who holds the machine can
always get in again. The rule to keep: every change writes who made it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from portal.domain.identity import Secret, SiteId
from portal.domain.staff_account import Account, Role
from portal.services.ports import EventKind
from portal.services.ports.staff import Link
from portal.services.staff import codes
from portal.services.staff.doors import StaffDoors

LINK_IS_GOOD_FOR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Grants:
    """What an account may do, and where; ``sites`` None: at every site."""

    roles: Collection[Role]
    sites: Collection[SiteId] | None = None


@dataclass(frozen=True, slots=True)
class Administration:
    """What IT does with accounts; ``by`` is who does it: an account, or the machine's user."""

    doors: StaffDoors
    by: str
    link_is_good_for: timedelta = LINK_IS_GOOD_FOR

    async def create(
        self, name: str, grants: Grants, expires_at: datetime | None, now: datetime
    ) -> Secret | None:
        """Make an account and return the code of its first sign-in; None when the name is taken."""
        code = codes.new_link_code()
        account = Account(
            id=uuid4(),
            name=name,
            roles=frozenset(grants.roles),
            sites=None if grants.sites is None else frozenset(grants.sites),
            created_at=now,
            expires_at=expires_at,
        )
        done = await self.doors.accounts.create(account, self._link(code, now))
        return Secret(code) if await self._told(done, "created", name, now) else None

    async def reset(self, name: str, now: datetime) -> Secret | None:
        """Take all of an account's proofs away and return a new code; None: no such account."""
        code = codes.new_link_code()
        done = await self.doors.accounts.reset(name, self._link(code, now))
        return Secret(code) if await self._told(done, "reset", name, now) else None

    async def grant(self, name: str, grants: Grants, now: datetime) -> bool:
        """Give exactly these roles and sites; False when there is no such account."""
        done = await self.doors.accounts.grant(name, grants.roles, grants.sites)
        return await self._told(done, "roles", name, now)

    async def disable(self, name: str, now: datetime) -> bool:
        """Disable the account and end its visits; False when there is none."""
        done = await self.doors.accounts.disable(name, now)
        return await self._told(done, "disabled", name, now)

    async def enable(self, name: str, now: datetime) -> bool:
        """Enable the account again; False when there is none."""
        done = await self.doors.accounts.disable(name, None)
        return await self._told(done, "enabled", name, now)

    async def prolong(self, name: str, expires_at: datetime | None, now: datetime) -> bool:
        """Let the account be good until then, or without end; False when there is none."""
        done = await self.doors.accounts.set_end(name, expires_at)
        return await self._told(done, "end", name, now)

    async def confirm(self, name: str, now: datetime) -> bool:
        """Note that the account is needed still, with what it may do; False when there is none."""
        done = await self.doors.accounts.confirm(name, self.by, now)
        return await self._told(done, "confirmed", name, now)

    async def end_visit(self, account: Account, visit_id: UUID | None, now: datetime) -> None:
        """Sign the account out of one visit, or everywhere."""
        if visit_id is None:
            await self.doors.sessions.end_all(account.id)
        else:
            await self.doors.sessions.end(account.id, visit_id)
        what = {"what": "signed_out", "account": account.name, "by": self.by}
        await self.doors.tell(EventKind.STAFF_ACCOUNT_CHANGED, now, **what)

    def _link(self, code: str, now: datetime) -> Link:
        return Link(self.doors.keys.code(code), now + self.link_is_good_for)

    async def _told(self, done: bool, what: str, name: str, now: datetime) -> bool:
        if done:
            await self.doors.tell(
                EventKind.STAFF_ACCOUNT_CHANGED, now, what=what, account=name, by=self.by
            )
        return done
