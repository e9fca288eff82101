"""What other processes changed: PostgreSQL's notifications, with a word for "some were lost".

Not a queue: a notification is a hint, and the periodic comparison makes lost ones harmless. The
rule to keep: after every new connection the listener is told to look at everything again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from portal.domain.identity import SiteId
from portal.storage.database import connect

CHANNEL = "kvar_session"

CONNECT_S = 5.0
KEEPALIVE_S = 15.0
"""A server that hangs sends nothing; asking it is the only way to notice."""

PING_S = 5.0
RETRY_PAUSE_S = 0.5
MOST_WAITING = 10_000
"""Notices. A reader that is so far behind had better look at everything again."""


@dataclass(frozen=True, slots=True)
class Resync:
    """The connection is new: anything may have changed meanwhile."""


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """A session has ``started``, ``extended`` or ``ended`` at this site."""

    what: str
    site_id: SiteId
    session_id: str

    @classmethod
    def parse(cls, payload: str) -> Self:
        """Read ``<what> <site> <id>`` as migrations/0001_sessions.sql writes it."""
        what, site_id, session_id = payload.split(" ")
        return cls(what, SiteId(site_id), session_id)


Notice = Resync | SessionChanged


async def listen(dsn: str) -> AsyncIterator[Notice]:
    """Yield notices for ever; a database that is away only means that the next is a Resync.

    Close the generator (``contextlib.aclosing``) to end the connection.
    """
    while True:
        try:
            connection = await connect(dsn, CONNECT_S, PING_S, "kvar-listen")
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ):
            await asyncio.sleep(RETRY_PAUSE_S)
            continue
        try:
            async for notice in _listen_on(connection):
                yield notice
        finally:
            connection.terminate()


async def _listen_on(connection: asyncpg.Connection) -> AsyncIterator[Notice]:
    """Yield notices until the connection breaks."""
    waiting: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)

    def take(source: asyncpg.Connection, _pid: int, _channel: str, payload: str) -> None:
        if waiting.full():
            source.terminate()
        else:
            waiting.put_nowait(payload)

    def stop(_source: Any) -> None:
        if not waiting.full():
            waiting.put_nowait(None)

    connection.add_termination_listener(stop)
    try:
        await connection.add_listener(CHANNEL, take)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return
    yield Resync()
    while not connection.is_closed():
        payload = await _next(connection, waiting)
        if payload is None:
            return
        yield SessionChanged.parse(payload)


async def _next(connection: asyncpg.Connection, waiting: asyncio.Queue[str | None]) -> str | None:
    """Return the next payload, None when the connection is gone or does not answer."""
    while True:
        try:
            async with asyncio.timeout(KEEPALIVE_S):
                return await waiting.get()
        except TimeoutError:
            try:
                await connection.fetch("SELECT 1", timeout=PING_S)
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ):
                return None
