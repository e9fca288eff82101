"""The doors to staff accounts, their visits, and the attempts to sign in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.staff_account import Account, Role
from portal.domain.staff_limits import StaffTally
from portal.domain.staff_session import StaffSession, Stage


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an account is checked with."""

    account: Account
    password_hash: str | None = field(repr=False)
    totp_secret: bytes | None = field(repr=False)
    """Sealed."""


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time way to the first sign-in: the hash of its code, and until when it is good."""

    hash: bytes = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class NewSecondFactor:
    """What an account gets: a sealed secret, the step of the code that proved it, and hashes."""

    totp_secret: bytes = field(repr=False)
    step: int
    recovery: Sequence[bytes] = field(repr=False)


class StaffAccounts(Protocol):
    """The accounts. Every method raises DatabaseUnavailableError; fails closed."""

    async def create(self, account: Account, link: Link) -> bool:
        """Make an account; False when the name is taken."""
        ...

    async def all(self) -> list[Account]:
        """Return every account, by name."""
        ...

    async def credentials(self, name: str) -> Credentials | None:
        """Return what the account of this name is checked with."""
        ...

    async def grant(
        self, name: str, roles: Collection[Role], sites: Collection[SiteId] | None
    ) -> bool:
        """Give exactly these roles and sites; False when there is no such account."""
        ...

    async def disable(self, name: str, at: datetime | None) -> bool:
        """Disable from then on, or enable (None); False when there is no such account."""
        ...

    async def set_end(self, name: str, at: datetime | None) -> bool:
        """Let it be good until then, or without end; False when there is no such account."""
        ...

    async def confirm(self, name: str, by: str, at: datetime) -> bool:
        """Note who looked it over, and when; False when there is no such account."""
        ...

    async def reset(self, name: str, link: Link) -> bool:
        """Take password, second factor, recovery codes and visits away, and give a new link."""
        ...

    async def take_link(self, link_hash: bytes, now: datetime) -> Account | None:
        """Return whose link this is, and use it up; once only, from however many processes."""
        ...

    async def set_password(self, account_id: UUID, password_hash: str) -> None:
        """Replace the password."""
        ...

    async def set_second_factor(self, account_id: UUID, new: NewSecondFactor) -> None:
        """Replace secret and recovery codes."""
        ...

    async def use_step(self, account_id: UUID, step: int) -> bool:
        """Take the code of a time step; False when this or a later one was taken before."""
        ...

    async def use_recovery(self, account_id: UUID, code_hash: bytes) -> bool:
        """Take a recovery code; False when there is none such (any more)."""
        ...

    async def replace_recovery(self, account_id: UUID, hashes: Sequence[bytes]) -> None:
        """Make these the recovery codes, and no others."""
        ...

    async def recovery_left(self, account_id: UUID) -> int:
        """Return how many recovery codes were not used yet."""
        ...


@dataclass(frozen=True, slots=True)
class NewSession:
    """A visit that begins."""

    id: UUID
    token_hash: bytes = field(repr=False)
    account_id: UUID
    stage: Stage
    site_id: SiteId | None
    started_at: datetime
    ends_at: datetime
    label: str


class StaffSessions(Protocol):
    """The visits. Every method raises DatabaseUnavailableError; fails closed."""

    async def begin(self, new: NewSession, instead_of: UUID | None) -> None:
        """Write a visit, and delete the one that it goes on from, in one transaction."""
        ...

    async def find(self, token_hash: bytes) -> StaffSession | None:
        """Return the visit of this token, whatever it is still good for."""
        ...

    async def touch(self, session_id: UUID, now: datetime) -> None:
        """Note that somebody is there."""
        ...

    async def lock(self, session_id: UUID) -> None:
        """Lock until the password is given."""
        ...

    async def unlock(self, session_id: UUID, now: datetime) -> None:
        """Unlock."""
        ...

    async def choose_site(self, session_id: UUID, site_id: SiteId) -> None:
        """Work at this site from now on."""
        ...

    async def offer_secret(self, session_id: UUID, sealed: bytes) -> bytes:
        """Remember the second factor that was shown, unless one was before; return which."""
        ...

    async def of_account(self, account_id: UUID, now: datetime) -> list[StaffSession]:
        """Return the account's visits that are signed in, the last used first."""
        ...

    async def end(self, account_id: UUID, session_id: UUID) -> None:
        """End one visit of the account."""
        ...

    async def end_others(self, account_id: UUID, but: UUID) -> None:
        """End all visits of the account but this one."""
        ...

    async def end_all(self, account_id: UUID) -> None:
        """End all visits of the account."""
        ...


class AttemptKind(StrEnum):
    """What is tried. Each kind is counted for itself."""

    PASSWORD = "password"  # noqa: S105 - a kind, not one
    CODE = "code"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class StaffReservation:
    """One attempt that counts as wrong until it is settled, and what stood against it before."""

    id: int
    tally: StaffTally


class StaffAttempts(Protocol):
    """Attempts to sign in. Every method raises DatabaseUnavailableError; fails closed."""

    async def reserve(
        self, account: bytes, place: bytes, kind: AttemptKind, now: datetime
    ) -> StaffReservation:
        """Write an undecided attempt and tally the others; attempts at once see each other."""
        ...

    async def settle(self, reservation_id: int, *, right: bool) -> None:
        """Write how it went."""
        ...

    async def release(self, reservation_id: int) -> None:
        """Take back an attempt that was not made."""
        ...
