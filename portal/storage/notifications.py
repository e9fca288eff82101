"""What other processes changed: PostgreSQL's notifications, with a word for "some were lost".

Not a queue: a notification is a hint, and the periodic comparison makes lost ones harmless. The
rule to keep: after every new connection the listener is told to look at everything again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

import asyncpg

from portal.domain.identity import SiteId
from portal.storage.database import CONNECT_ERRORS, connect

CHANNEL = "kvar_session"

CONNECT_S = 5.0
RETRY_PAUSE_S = 0.5
MOST_WAITING = 10_000
"""Notices. A reader that is so far behind had better look at everything again."""


@dataclass(frozen=True, slots=True)
class Keepalive:
    """A server that hangs sends nothing: after ``every_s`` it is asked, and given ``answer_s``."""

    every_s: float = 15.0
    answer_s: float = 5.0


_KEEPALIVE = Keepalive()


@dataclass(frozen=True, slots=True)
class Resync:
    """The connection is new: anything may have changed meanwhile."""


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A session ``started``, ``extended``, ``ended``, or ``followed`` its device to this site."""

    what: str
    site_id: SiteId
    session_id: str

    @classmethod
    def parse(cls, payload: str) -> Self:
        """Read ``<what> <site> <id>`` as the migrations and sessions.sql write it."""
        what, site_id, session_id = payload.split(" ")
        return cls(what, SiteId(site_id), session_id)


Notice = Resync | SessionChanged


async def listen(dsn: str, keepalive: Keepalive = _KEEPALIVE) -> AsyncIterator[Notice]:
    """Yield notices for ever; a database that is away only means that the next is a Resync.

    Close the generator (``contextlib.aclosing``) to end the connection.
    """
    while True:
        try:
            connection = await connect(dsn, CONNECT_S, keepalive.answer_s, "kvar-listen")
        except CONNECT_ERRORS:
            await asyncio.sleep(RETRY_PAUSE_S)
            continue
        try:
            async for notice in _listen_on(connection, keepalive):
                yield notice
        finally:
            connection.terminate()


async def _listen_on(connection: asyncpg.Connection, keepalive: Keepalive) -> AsyncIterator[Notice]:
    """Yield notices until the connection breaks."""
    waiting = _Waiting()
    connection.add_termination_listener(waiting.stop)
    try:
        await connection.add_listener(CHANNEL, waiting.take)
    except CONNECT_ERRORS:
        return
    yield Resync()
    while not connection.is_closed():
        payload = await _next(connection, waiting.payloads, keepalive)
        if payload is None:
            return
        yield SessionChanged.parse(payload)


class _Waiting:
    """Payloads that have come and were not read yet; None at their end."""

    def __init__(self) -> None:
        self.payloads: asyncio.Queue[str | None] = asyncio.Queue()

    def take(self, source: asyncpg.Connection, _pid: int, _channel: str, payload: str) -> None:
        if self.payloads.qsize() >= MOST_WAITING:
            source.terminate()
        else:
            self.payloads.put_nowait(payload)

    def stop(self, _source: asyncpg.Connection) -> None:
        self.payloads.put_nowait(None)


async def _next(
    connection: asyncpg.Connection, payloads: asyncio.Queue[str | None], keepalive: Keepalive
) -> str | None:
    """Return the next payload, None when the connection is gone or does not answer."""
    while True:
        try:
            async with asyncio.timeout(keepalive.every_s):
                return await payloads.get()
        except TimeoutError:
            if not await _answers(connection, keepalive):
                return None


async def _answers(connection: asyncpg.Connection, keepalive: Keepalive) -> bool:
    try:
        await connection.fetch("SELECT 1", timeout=keepalive.answer_s)
    except CONNECT_ERRORS:
        return False
    return True
