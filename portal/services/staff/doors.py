"""What the staff services are made of: the doors, the keys and the settings.

Not a place for rules. The rule to keep: composition fills this in once; nothing here changes.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from portal.domain.identity import Secret, SiteId
from portal.domain.staff_account import Account
from portal.domain.staff_session import SessionTimes, StaffSession, Stage
from portal.services.key_ring import KeyRing
from portal.services.ports import EVERYWHERE, Event, EventKind, Events
from portal.services.ports.staff import NewSession, StaffAccounts, StaffAttempts, StaffSessions
from portal.services.sealing import Seal
from portal.services.staff import codes
from portal.services.staff.passwords import Passwords

_TOKEN_BYTES = 32
_LONGEST_NAME = 80
"""Characters of a typed name that count; no account's is longer."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the address that the request came from, and a word for the machine."""

    place: str = field(repr=False)
    label: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A visit began, or went a stage further: the browser gets the token."""

    token: Secret
    stage: Stage


class StaffKeys:
    """The staff site's keys."""

    def __init__(self, ring: KeyRing) -> None:
        self.form = ring.staff_key("form")
        self.seal = Seal(ring.staff_key("seal"))
        self._hash = ring.staff_key("hash")

    def name(self, typed: str) -> bytes:
        """Return what attempts call an account."""
        return self._hashed("name", typed.strip().casefold()[:_LONGEST_NAME])

    def place(self, address: str) -> bytes:
        """Return what attempts call an address."""
        return self._hashed("place", address)

    def code(self, typed: str) -> bytes:
        """Return what the database calls a recovery code or the code of a first sign-in."""
        return self._hashed("code", codes.plain(typed))

    def _hashed(self, kind: str, text: str) -> bytes:
        return hmac.digest(self._hash, f"{kind}\0{text}".encode(), "sha256")


@dataclass(frozen=True, slots=True)
class StaffDoors:
    """Everything a staff service talks to."""

    accounts: StaffAccounts
    sessions: StaffSessions
    attempts: StaffAttempts
    events: Events
    keys: StaffKeys
    passwords: Passwords
    organisation: str
    site_ids: tuple[SiteId, ...]
    times: SessionTimes = field(default_factory=SessionTimes)

    async def begin(
        self,
        account: Account,
        stage: Stage,
        asker: Asker,
        now: datetime,
        instead_of: StaffSession | None = None,
    ) -> Begun:
        """Begin a visit under a new token, whatever the browser held before."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        sites = account.sites_among(self.site_ids)
        new = NewSession(
            id=uuid4(),
            token_hash=token_hash(token),
            account_id=account.id,
            stage=stage,
            site_id=sites[0] if sites else None,
            started_at=now,
            ends_at=now + self.times.length(stage),
            label=asker.label,
        )
        await self.sessions.begin(new, instead_of.id if instead_of else None)
        return Begun(Secret(token), stage)

    async def tell(self, kind: EventKind, now: datetime, **detail: str) -> None:
        """Write an event that belongs to no single site."""
        await self.events.record(Event(kind, EVERYWHERE, now, detail=detail))


def token_hash(token: str) -> bytes:
    """Return what the database calls a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
