"""Logins with card and PIN that an access point passes on, asked for once however often it asks.

Not the login (services/sign_in.py). The rules to keep: a login goes on when the access point does
not wait, for broken off it would count as a wrong PIN; and what is sent again (RFC 5080 section
2.2.1) is no second guess. Only that a PIN was wrong is kept: whoever is let in is asked about anew.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from portal.domain.identity import Device, Secret
from portal.services.outcomes import RefusalReason, Refused, SignInOutcome

KEPT_S = 30.0
"""The same is sent again for so long: three times after 5 s by most, after 10 s by some."""

WithCard = Callable[[Device, Secret, Secret, datetime], Awaitable[SignInOutcome]]

_log = structlog.get_logger()

_Login = asyncio.Task[SignInOutcome | None]


class CardLogins:
    """``tasks`` hold what goes on alone. How many are kept, the limits on wrong PINs say."""

    def __init__(self, with_card: WithCard, tasks: asyncio.TaskGroup) -> None:
        self._with_card = with_card
        self._tasks = tasks
        self._logins: dict[bytes, _Login] = {}
        self._key = secrets.token_bytes(hashlib.blake2b.MAX_KEY_SIZE)

    async def ask(self, device: Device, card: str, pin: str, now: datetime) -> SignInOutcome | None:
        """Return what comes of this login, or came of it a moment ago; None: a fault of ours."""
        name = self._name(device, card, pin)
        login = self._logins.get(name)
        if login is None:
            typed = (Secret(card), Secret(pin))
            login = self._tasks.create_task(
                self._check(name, device, typed, now), name="radius-card-login"
            )
            self._logins[name] = login
        return await asyncio.shield(login)

    async def _check(
        self, name: bytes, device: Device, typed: tuple[Secret, Secret], now: datetime
    ) -> SignInOutcome | None:
        outcome = None
        try:
            outcome = await self._with_card(device, *typed, now)
        except Exception as problem:  # noqa: BLE001 - the boundary of one login
            _log.error("radius_login_failed", reason=type(problem).__name__)
        finally:
            kept_s = KEPT_S if _is_wrong(outcome) else 0.0
            asyncio.get_running_loop().call_later(kept_s, self._logins.pop, name, None)
        return outcome

    def _name(self, device: Device, card: str, pin: str) -> bytes:
        """Return a name for what was typed that says nothing of it outside of this process."""
        typed = repr((device.mac, device.site_id, card, pin)).encode()
        return hashlib.blake2b(typed, key=self._key, digest_size=32).digest()


def _is_wrong(outcome: SignInOutcome | None) -> bool:
    return isinstance(outcome, Refused) and outcome.reason is RefusalReason.CREDENTIALS_WRONG
