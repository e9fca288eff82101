"""Opening the sealed card number of a session: for whoever brings the organisation's private key.

Not a look-up: that asks about a card which somebody states. The rules to keep: it stands in the
record, whether it succeeded or not, before anything is shown; the record names the session, never
the card; the private key is held for one opening and kept nowhere.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from portal.domain.audit_chain import Act
from portal.domain.identity import Secret
from portal.services.console.look_ups import Auditing, Why
from portal.services.identity_key import AnotherKeyError, NotTheKeyError, read_private
from portal.services.key_ring import KeyRing
from portal.services.ports.identities import Identities, SealedIdentity
from portal.services.ports.session_log import LoggedSession
from portal.services.sealed_cards import inner_seal


class RevealRefusal(StrEnum):
    """Why nothing was opened. Each has its text."""

    NOT_SEALED = "reveal.not_sealed"
    """Nobody showed a card, or no card's number was kept that week."""
    WEEK_GONE = "reveal.week_gone"
    """The week's key is destroyed: nobody opens it any more."""
    NOT_THE_KEY = "reveal.not_the_key"
    ANOTHER_KEY = "reveal.another_key"


@dataclass(frozen=True, slots=True)
class Brought:
    """What whoever reveals brings along: the private key's line, and its passphrase."""

    private_key: Secret
    passphrase: Secret


@dataclass(frozen=True, slots=True)
class Revealing:
    """Opens one, for one who has proved twice to be allowed to."""

    identities: Identities
    auditing: Auditing
    keys: KeyRing
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Each takes 64 MiB for a moment."""

    async def is_sealed(self, session: LoggedSession) -> bool:
        """Say whether there is anything to open, not whether anybody can.

        Raises:
            DatabaseUnavailableError: nobody knows.
        """
        return await self._find(session) is not None

    async def reveal(
        self, session: LoggedSession, brought: Brought, why: Why, now: datetime
    ) -> Secret | RevealRefusal:
        """Return the number of the card that the session's guest showed that week.

        Raises:
            DatabaseUnavailableError: it was not written down, and nothing is said.
            KeyRingError: a key of ours is not the one of that week.
        """
        found = await self._find(session)
        if found is None:
            return RevealRefusal.NOT_SEALED
        opened = await self._open(found, brought)
        success = int(isinstance(opened, Secret))
        await self.auditing.write(why, Act.REVEAL, f"session {session.id}", success, now)
        return opened

    async def _find(self, session: LoggedSession) -> SealedIdentity | None:
        if session.guest_trace is None:
            return None
        return await self.identities.of_guest(session.guest_trace)

    async def _open(self, found: SealedIdentity, brought: Brought) -> Secret | RevealRefusal:
        inner = inner_seal(self.keys, found.key_id, found.sealed, found.guest)
        if inner is None:
            return RevealRefusal.WEEK_GONE
        try:
            async with self._turn:
                private = await asyncio.to_thread(
                    read_private, brought.private_key, brought.passphrase
                )
            return private.open(inner, found.guest)
        except NotTheKeyError:
            return RevealRefusal.NOT_THE_KEY
        except AnotherKeyError:
            return RevealRefusal.ANOTHER_KEY
