"""Signing in: a method proves who somebody is, then a second factor where the method needs one.

Not the first sign-in (enrolment.py). The rule to keep: a wrong name, a wrong password and a
disabled account look and last the same; each stage gets a new token.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.domain.identity import Secret
from portal.domain.staff_account import Account, is_account_name
from portal.domain.staff_session import StaffSession, Stage
from portal.services.ports import EventKind
from portal.services.ports.staff import AttemptKind, Credentials
from portal.services.staff import codes
from portal.services.staff.attempts import MustWait, StaffAttemptDesk, Tried
from portal.services.staff.doors import Asker, Begun, StaffDoors

Check = Callable[[], Awaitable[bool]]


class SignInRefusal(StrEnum):
    """Why nobody was signed in; each is a text's key."""

    WRONG = "signin.wrong"
    PASSWORD_WRONG = "password.wrong"  # noqa: S105 - a text's key
    """Of somebody who is known already."""
    EXPIRED = "signin.expired"
    """Told only to who knows the password."""
    CODE_WRONG = "code.wrong"
    LINK_WRONG = "first.wrong"


@dataclass(frozen=True, slots=True)
class Proven:
    """Whose account it is. ``whole``: no second factor of ours has to follow."""

    account: Account
    whole: bool


class SignInMethod(Protocol):
    """One way to prove who one is, such as a password; an organisation's own sign-in is another.

    Fails closed. It says whose account it is and begins nothing: visits are StaffSignIn's.
    """

    async def prove(
        self, given: Mapping[str, str], asker: Asker, now: datetime
    ) -> Proven | MustWait | SignInRefusal:
        """Check what was given (the fields of a form, or of another site's answer).

        Raises:
            DatabaseUnavailableError: nobody can be checked now.
        """
        ...


@dataclass(frozen=True, slots=True)
class PasswordMethod:
    """Name and password; the second factor follows."""

    doors: StaffDoors
    desk: StaffAttemptDesk

    async def prove(
        self, given: Mapping[str, str], asker: Asker, now: datetime
    ) -> Proven | MustWait | SignInRefusal:
        """See SignInMethod: the fields are ``name`` and ``password``."""
        name, password = given.get("name", ""), Secret(given.get("password", ""))
        found = await self._credentials(name)
        stored = found.password_hash if found else None

        async def check() -> bool:
            return await self.doors.passwords.verify(stored, password)

        hashed = self.doors.keys.name(name)
        tried = await self.desk.attempt(AttemptKind.PASSWORD, hashed, asker.place, check, now)
        if isinstance(tried, MustWait):
            return tried
        if not (tried.right and found and found.account.enrolled) or found.account.disabled:
            return SignInRefusal.WRONG
        if found.account.has_expired(now):
            return SignInRefusal.EXPIRED
        await self._strengthen(found, password)
        return Proven(found.account, whole=False)

    async def _credentials(self, name: str) -> Credentials | None:
        plain = name.strip().casefold()
        return await self.doors.accounts.credentials(plain) if is_account_name(plain) else None

    async def _strengthen(self, found: Credentials, password: Secret) -> None:
        """Hash anew where today's parameters are stronger than those of the stored hash."""
        if found.password_hash and self.doors.passwords.is_weak(found.password_hash):
            renewed = await self.doors.passwords.hash(password)
            await self.doors.accounts.set_password(found.account.id, renewed)


@dataclass(frozen=True, slots=True)
class StaffSignIn:
    """The stages of a sign-in. ``methods``: by the name that their forms carry."""

    doors: StaffDoors
    desk: StaffAttemptDesk
    methods: Mapping[str, SignInMethod]

    async def begin(
        self, method: str, given: Mapping[str, str], asker: Asker, now: datetime
    ) -> Begun | MustWait | SignInRefusal:
        """Begin a visit by one of the methods."""
        proven = await self.methods[method].prove(given, asker, now)
        if not isinstance(proven, Proven):
            return proven
        if proven.whole:
            return await self._open(proven.account, asker, now)
        return await self.doors.begin(proven.account, Stage.CODE, asker, now)

    async def with_code(
        self, session: StaffSession, typed: str, asker: Asker, now: datetime
    ) -> Begun | MustWait | SignInRefusal:
        """Take the code of the app."""
        tried = await self.check_code(session, typed, asker, now)
        return await self._second(session, tried, asker, now)

    async def check_code(
        self, session: StaffSession, typed: str, asker: Asker, now: datetime
    ) -> Tried | MustWait:
        """Check and use up the app's code; of who is signed in too, before what matters most."""
        found = await self.doors.accounts.credentials(session.account.name)

        async def check() -> bool:
            return found is not None and await self._code_is_right(found, typed, now)

        return await self._try(session, asker, check, now)

    async def with_recovery_code(
        self, session: StaffSession, typed: str, asker: Asker, now: datetime
    ) -> Begun | MustWait | SignInRefusal:
        """Take a recovery code instead."""
        account, hashed = session.account, self.doors.keys.code(typed)

        async def check() -> bool:
            return await self.doors.accounts.use_recovery(account.id, hashed)

        return await self._second(session, await self._try(session, asker, check, now), asker, now)

    async def unlock(
        self, session: StaffSession, password: Secret, asker: Asker, now: datetime
    ) -> bool | MustWait:
        """Take the password of a locked visit; False when it is wrong."""
        tried = await self.check_password(session, password, asker, now)
        if isinstance(tried, MustWait):
            return tried
        if tried.right:
            await self.doors.sessions.unlock(session.id, now)
        return tried.right

    async def check_password(
        self, session: StaffSession, password: Secret, asker: Asker, now: datetime
    ) -> Tried | MustWait:
        """Check the password of who is signed in, before what matters."""
        name = session.account.name
        found = await self.doors.accounts.credentials(name)
        stored = found.password_hash if found else None

        async def check() -> bool:
            return await self.doors.passwords.verify(stored, password)

        hashed = self.doors.keys.name(name)
        return await self.desk.attempt(AttemptKind.PASSWORD, hashed, asker.place, check, now)

    async def _code_is_right(self, found: Credentials, typed: str, now: datetime) -> bool:
        if found.totp_secret is None:
            return False
        account = found.account
        secret = self.doors.keys.seal.open(found.totp_secret, account.id.bytes)
        step = codes.matching_step(secret, typed, now)
        return step is not None and await self.doors.accounts.use_step(account.id, step)

    async def _try(
        self, session: StaffSession, asker: Asker, check: Check, now: datetime
    ) -> Tried | MustWait:
        name = self.doors.keys.name(session.account.name)
        return await self.desk.attempt(AttemptKind.CODE, name, asker.place, check, now)

    async def _second(
        self, session: StaffSession, tried: Tried | MustWait, asker: Asker, now: datetime
    ) -> Begun | MustWait | SignInRefusal:
        if isinstance(tried, MustWait):
            return tried
        if not tried.right:
            return SignInRefusal.CODE_WRONG
        return await self._open(session.account, asker, now, session)

    async def _open(
        self,
        account: Account,
        asker: Asker,
        now: datetime,
        instead_of: StaffSession | None = None,
    ) -> Begun:
        begun = await self.doors.begin(account, Stage.OPEN, asker, now, instead_of)
        await self.doors.tell(EventKind.STAFF_SIGNED_IN, now, by=account.name)
        return begun
