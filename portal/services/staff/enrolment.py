"""A first sign-in: the one-time code from the command line, a password, a second factor.

Not the making of accounts (administration.py). The rule to keep: the code works once and for half
an hour, and nobody is signed in before a second factor was shown to work.
"""

from dataclasses import dataclass, field
from datetime import datetime

from portal.domain.identity import Secret
from portal.domain.password import PasswordFault, fault_of
from portal.domain.staff_session import StaffSession, Stage
from portal.services.ports import EventKind
from portal.services.ports.staff import AttemptKind, NewSecondFactor
from portal.services.staff import codes
from portal.services.staff.attempts import MustWait, StaffAttemptDesk
from portal.services.staff.doors import Asker, Begun, StaffDoors
from portal.services.staff.sign_in import SignInRefusal


@dataclass(frozen=True, slots=True)
class Offer:
    """The second factor that is shown: the secret, and the same for an app's camera."""

    secret: Secret
    uri: Secret


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The account is whole: its visit goes on under a new token, and these are shown once."""

    begun: Begun
    recovery_codes: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The steps of a first sign-in."""

    doors: StaffDoors
    desk: StaffAttemptDesk

    async def begin(
        self, typed: str, asker: Asker, now: datetime
    ) -> Begun | MustWait | SignInRefusal:
        """Take the one-time code. Counted by address alone: it belongs to no known account."""
        found = []

        async def check() -> bool:
            found.append(await self.doors.accounts.take_link(self.doors.keys.code(typed), now))
            return found[0] is not None

        place = self.doors.keys.place(asker.place)
        tried = await self.desk.attempt(AttemptKind.LINK, place, asker.place, check, now)
        if isinstance(tried, MustWait):
            return tried
        account = found[0]
        if account is None or not account.is_good(now):
            return SignInRefusal.LINK_WRONG
        return await self.doors.begin(account, Stage.ENROLLING, asker, now)

    async def choose_password(
        self, session: StaffSession, password: Secret
    ) -> PasswordFault | None:
        """Set the account's password; return what is wrong with it instead."""
        fault = fault_of(password.reveal(), session.account.name)
        if fault is None:
            hashed = await self.doors.passwords.hash(password)
            await self.doors.accounts.set_password(session.account.id, hashed)
        return fault

    async def has_password(self, session: StaffSession) -> bool:
        """Say whether the step before was done: a second factor alone would be no sign-in."""
        found = await self.doors.accounts.credentials(session.account.name)
        return found is not None and found.password_hash is not None

    async def offer(self, session: StaffSession) -> Offer:
        """Return the second factor to be put into an app; the same one until it is confirmed."""
        account = session.account
        seal = self.doors.keys.seal
        fresh = seal.close(codes.new_totp_secret(), account.id.bytes)
        sealed = await self.doors.sessions.offer_secret(session.id, fresh)
        secret = seal.open(sealed, account.id.bytes)
        return Offer(secret, codes.totp_uri(secret, account.name, self.doors.organisation))

    async def confirm(
        self, session: StaffSession, typed: str, asker: Asker, now: datetime
    ) -> Enrolled | SignInRefusal:
        """Take the app's first code, and sign in."""
        account = session.account
        offer = await self.offer(session)
        step = codes.matching_step(offer.secret, typed, now)
        if step is None:
            return SignInRefusal.CODE_WRONG
        recovery = codes.new_recovery_codes()
        new = NewSecondFactor(
            totp_secret=self.doors.keys.seal.close(offer.secret, account.id.bytes),
            step=step,
            recovery=[self.doors.keys.code(code) for code in recovery],
        )
        await self.doors.accounts.set_second_factor(account.id, new)
        begun = await self.doors.begin(account, Stage.OPEN, asker, now, session)
        await self.doors.tell(
            EventKind.STAFF_ACCOUNT_CHANGED,
            now,
            what="enrolled",
            account=account.name,
            by=account.name,
        )
        return Enrolled(begun, recovery)
