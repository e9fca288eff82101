"""One's own account: the password, the recovery codes, and where one is signed in.

Not others' accounts (administration.py). The rule to keep: what would let somebody else in later
takes the password again.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.domain.identity import Secret
from portal.domain.password import PasswordFault, fault_of
from portal.domain.staff_session import StaffSession
from portal.services.ports import EventKind
from portal.services.staff import codes
from portal.services.staff.attempts import MustWait
from portal.services.staff.doors import Asker, StaffDoors
from portal.services.staff.sign_in import SignInRefusal, StaffSignIn


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What somebody who is signed in does with the own account."""

    doors: StaffDoors
    sign_in: StaffSignIn

    async def change_password(
        self, session: StaffSession, old: Secret, new: Secret, asker: Asker, now: datetime
    ) -> PasswordFault | SignInRefusal | MustWait | None:
        """Replace the password, and end all other visits; None when it is done."""
        refused = await self._refusal(session, old, asker, now)
        if refused is not None:
            return refused
        fault = fault_of(new.reveal(), session.account.name)
        if fault is not None:
            return fault
        hashed = await self.doors.passwords.hash(new)
        await self.doors.accounts.set_password(session.account.id, hashed)
        await self.doors.sessions.end_others(session.account.id, session.id)
        await self._tell("password", session, now)
        return None

    async def new_recovery_codes(
        self, session: StaffSession, password: Secret, asker: Asker, now: datetime
    ) -> list[str] | SignInRefusal | MustWait:
        """Replace the recovery codes and return them, to be shown once."""
        refused = await self._refusal(session, password, asker, now)
        if refused is not None:
            return refused
        recovery = codes.new_recovery_codes()
        hashes = [self.doors.keys.code(code) for code in recovery]
        await self.doors.accounts.replace_recovery(session.account.id, hashes)
        await self._tell("recovery_codes", session, now)
        return recovery

    async def recovery_left(self, session: StaffSession) -> int:
        """Return how many recovery codes were not used yet."""
        return await self.doors.accounts.recovery_left(session.account.id)

    async def visits(self, session: StaffSession, now: datetime) -> list[StaffSession]:
        """Return where the account is signed in."""
        return await self.doors.sessions.of_account(session.account.id, now)

    async def end(self, session: StaffSession, visit_id: UUID) -> None:
        """End one of the account's visits."""
        await self.doors.sessions.end(session.account.id, visit_id)

    async def end_others(self, session: StaffSession) -> None:
        """End all of the account's visits but this one."""
        await self.doors.sessions.end_others(session.account.id, session.id)

    async def _refusal(
        self, session: StaffSession, password: Secret, asker: Asker, now: datetime
    ) -> SignInRefusal | MustWait | None:
        tried = await self.sign_in.check_password(session, password, asker, now)
        if isinstance(tried, MustWait):
            return tried
        return None if tried.right else SignInRefusal.PASSWORD_WRONG

    async def _tell(self, what: str, session: StaffSession, now: datetime) -> None:
        name = session.account.name
        await self.doors.tell(
            EventKind.STAFF_ACCOUNT_CHANGED, now, what=what, account=name, by=name
        )
