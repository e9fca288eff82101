"""One controller over HTTPS: JSON out, JSON in, within a deadline.

Not an interface of any maker. The rule to keep: the certificate is checked, by an authority or by
its own fingerprint; no redirect is followed, since a secret would follow it; and what came is
shown to nobody.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from radius_bridge.controllers.controller import ControllerError

ANSWER_TIMEOUT_S = 5.0
"""A visitor looks at a page meanwhile; a controller in the same town answers within 0.3 s."""

LARGEST_ANSWER = 262_144
"""Octets; the longest that is asked for is a list of a controller's sites."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How a controller proves itself: by an authority, or by its certificate's SHA-256.

    Both None: by the system's authorities.
    """

    ca_file: Path | None = None
    fingerprint: bytes | None = None

    def verifier(self) -> ssl.SSLContext | aiohttp.Fingerprint:
        """Return what aiohttp checks a certificate with.

        Raises:
            OSError: the authority's file cannot be used (ssl.SSLError is one).
        """
        if self.fingerprint is not None:
            return aiohttp.Fingerprint(self.fingerprint)
        context = ssl.create_default_context(cafile=self.ca_file)
        # Python 3.13 refuses authorities that are not to the letter of RFC 5280; 3.11 takes them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``body`` is JSON as Python reads it, None where there was none."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: object = field(repr=False)

    def require(self, *statuses: int) -> Self:
        """Return the answer when it has one of these statuses.

        Raises:
            ControllerError: it has another.
        """
        if self.status not in statuses:
            raise ControllerError(f"the controller answered {self.status}")
        return self


class JsonDoor:
    """Use as an async context manager. Cookies are kept, for as long as the door is open."""

    def __init__(
        self, base_url: str, trust: Trust, *, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        self._base = base_url.rstrip("/")
        self._verifier = trust.verifier()
        self._timeout = aiohttp.ClientTimeout(total=answer_timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A controller is often named by its address: the jar must take cookies from there too.
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=self._timeout, trust_env=False
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask. Raises ControllerError."""
        return await self._ask("GET", self._base + path, headers, None)

    async def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Tell. Raises ControllerError."""
        return await self._ask("POST", self._base + path, headers, body)

    async def post_to(self, url: str, body: object) -> Answer:
        """Tell somebody whose address came with a visitor and was found among ours."""
        return await self._ask("POST", url, None, body)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: object
    ) -> Answer:
        if self._session is None:
            raise ControllerError("the door to the controller is not open")
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                json=body,
                allow_redirects=False,
                ssl=self._verifier,
            ) as response:
                raw = await _read(response)
                return Answer(response.status, dict(response.headers), _json(raw))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            # Not its text: aiohttp's tell the address, which may name a device.
            raise ControllerError(f"no answer: {type(problem).__name__}") from None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST_ANSWER:
            raise ControllerError("the controller's answer is too long")
    return bytes(raw)


def _json(raw: bytes) -> object:
    """Return what was written; None for whatever is no JSON: a status may say enough."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
