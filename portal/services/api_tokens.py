"""Tokens of the API: made and revoked by IT on the command line, and known again when they come.

Not what is done with them (portal/web/api). The rule to keep: a token is told once, to whoever
makes it; what is kept of it is its SHA-256, and every change writes who made it.
"""

import base64
import hashlib
import math
import secrets
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from portal.domain.api_token import (
    PREFIX,
    TOKEN_BYTES,
    ApiToken,
    Scope,
    looks_like_token,
)
from portal.domain.identity import Secret, SiteId
from portal.domain.request_budget import RequestBudget
from portal.services.ports import EVERYWHERE, Event, EventKind, Events
from portal.services.ports.api_tokens import ApiTokenStore

BURST, PER_SECOND = 60, 2.0
"""Requests of one token: a page that shows a list asks once a minute, a script at closing fifty."""

WRONG_BURST, WRONG_PER_SECOND = 20, 0.1
"""Wrong tokens from one address, before nothing is looked up there any more. They cannot be
guessed: this keeps a program with an old token from asking the database all day."""

ALARM_PER_SECOND = 1 / 600
"""One event in ten minutes tells IT as much as a thousand."""

_MOST_GOOD_REMEMBERED = 1000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Unknown:
    """No token, a wrong one, an expired or a revoked one: nobody is told which."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many requests: the next may come after so long."""

    length: timedelta

    @property
    def seconds(self) -> int:
        """Return whole seconds, for a header."""
        return max(1, math.ceil(self.length.total_seconds()))


@dataclass(slots=True)
class TokenGuard:
    """Knows tokens again. One a process: what it counts stands in its memory only."""

    store: ApiTokenStore
    events: Events
    _requests: RequestBudget = field(default_factory=lambda: RequestBudget(BURST, PER_SECOND))
    _wrong: RequestBudget = field(
        default_factory=lambda: RequestBudget(WRONG_BURST, WRONG_PER_SECOND)
    )
    _alarms: RequestBudget = field(default_factory=lambda: RequestBudget(1, ALARM_PER_SECOND))
    _good: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    """Hashes that were good lately: another's wrong tokens at the same address hold up none."""

    async def recognise(
        self, text: Secret, address: str, now: datetime
    ) -> ApiToken | Unknown | Wait:
        """Return whose token this is.

        Raises:
            DatabaseUnavailableError: nobody can be known now.
        """
        hash_ = token_hash(text)
        if hash_ not in self._good and (wait := self._wrong.wait(address, now)):
            await self._alarm(now)
            return Wait(wait)
        found = await self.store.find(hash_) if looks_like_token(text.reveal()) else None
        if found is None or not found.is_good(now):
            self._good.pop(hash_, None)
            self._wrong.take(address, now)
            return Unknown()
        self._remember(hash_)
        if wait := self._requests.take(found.id, now):
            return Wait(wait)
        if found.use_is_to_note(now):
            await self.store.note_use(found.id, now)
        return found

    async def _alarm(self, now: datetime) -> None:
        if self._alarms.take("", now) is None:
            _log.warning("many_wrong_api_tokens")
            await self.events.record(Event(EventKind.MANY_WRONG_API_TOKENS, EVERYWHERE, now))

    def _remember(self, hash_: bytes) -> None:
        self._good[hash_] = None
        self._good.move_to_end(hash_)
        if len(self._good) > _MOST_GOOD_REMEMBERED:
            self._good.popitem(last=False)


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """What IT does with tokens; ``by`` is the user of the machine who does it."""

    store: ApiTokenStore
    events: Events
    by: str

    async def create(
        self,
        name: str,
        scopes: Collection[Scope],
        sites: Collection[SiteId] | None,
        length: timedelta,
        now: datetime,
    ) -> Secret | None:
        """Make a token and return it; None when the name was ever another's."""
        text = Secret(draw_token())
        token = ApiToken(
            id=uuid4(),
            name=name,
            scopes=frozenset(scopes),
            sites=None if sites is None else frozenset(sites),
            created_by=self.by,
            created_at=now,
            expires_at=now + length,
        )
        done = await self.store.create(token, token_hash(text))
        return text if await self._told(done, "created", name, now) else None

    async def revoke(self, name: str, now: datetime) -> bool:
        """Revoke a token, from the next request on; False when there is none that could be."""
        return await self._told(await self.store.revoke(name, now), "revoked", name, now)

    async def _told(self, done: bool, what: str, name: str, now: datetime) -> bool:
        if done:
            detail = {"what": what, "token": name, "by": self.by}
            await self.events.record(
                Event(EventKind.API_TOKEN_CHANGED, EVERYWHERE, now, detail=detail)
            )
        return done


def draw_token() -> str:
    """Draw a token of 256 bits."""
    drawn = base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES))
    return PREFIX + drawn.decode().rstrip("=")


def token_hash(text: Secret) -> bytes:
    """Return what the database calls a token: 256 random bits need no slow hash."""
    return hashlib.sha256(text.reveal().encode("utf-8", "surrogateescape")).digest()
