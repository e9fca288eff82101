"""Serves a web site on its sockets: bound, capped, with a lid on the log, until cancelled.

Not a site (each has its own application). The rule to keep: IPv4 and IPv6 have sockets of their
own, so that an address is always seen as what it is.
"""

import asyncio
import logging
import resource
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

from portal.web.log_budget import LogBudget
from portal.web.protocol import (
    HEAD_DEADLINE_S,
    MOST_CONNECTIONS,
    Broken,
    Handler,
    LimitedServer,
    Malformed,
    Places,
)
from portal.web.tls import CertificateWatch

BACKLOG = 128
"""Longer ones make asyncio log more when descriptors run out; the kernel caps it anyway."""

_UNACKNOWLEDGED_MS = 20_000
"""TCP_USER_TIMEOUT: a reader that stops reading cannot hold an answer for ever (RFC 5482)."""

_SPARE_DESCRIPTORS = 128
_FAREWELL_S = 5.0
_LOGGERS = ("asyncio", "aiohttp.server", "portal.web")


@dataclass(frozen=True, slots=True)
class Listening:
    """Sockets with one way to answer what comes in on them; ``context`` None: plain HTTP."""

    handler: Handler
    malformed: Malformed
    broken: Broken
    sockets: Sequence[socket.socket]
    context: ssl.SSLContext | None = None


def bind_sockets(addresses: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """Bind TCP sockets to (address, port) pairs; ``::`` and ``0.0.0.0`` do not overlap.

    Raises:
        OSError: an address cannot be bound.
    """
    bound: list[socket.socket] = []
    try:
        bound.extend(_bind(address, port) for address, port in addresses)
    except OSError:
        for listener in bound:
            listener.close()
        raise
    return bound


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.setblocking(False)  # noqa: FBT003 - the standard library's own
    except OSError:
        listener.close()
        raise
    return listener


async def serve(
    listenings: Sequence[Listening],
    *,
    loggers: Sequence[str] = (),
    certificates: CertificateWatch | None = None,
    started: asyncio.Event | None = None,
    head_deadline_s: float = HEAD_DEADLINE_S,
) -> None:
    """Serve until cancelled; requests under way then get 5 s to end.

    ``started`` is set when the sockets accept. One cap of connections holds over all of them, and
    one lid over what the site's ``loggers`` say.
    """
    places = Places(_affordable_connections())
    async with AsyncExitStack() as stack:
        stack.enter_context(_log_lid(loggers))
        for listening in listenings:
            server = LimitedServer(
                listening.handler,
                malformed=listening.malformed,
                broken=listening.broken,
                places=places,
                head_deadline_s=head_deadline_s,
            )
            stack.push_async_callback(server.shutdown, _FAREWELL_S)
            for sock in listening.sockets:
                await stack.enter_async_context(await _accept(server, sock, listening.context))
        if started is not None:
            started.set()
        if certificates is not None:
            await certificates.run()
        await asyncio.Event().wait()


async def _accept(
    server: LimitedServer, sock: socket.socket, context: ssl.SSLContext | None
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    deadline = server.head_deadline_s if context else None
    return await loop.create_server(
        server, sock=sock, backlog=BACKLOG, ssl=context, ssl_handshake_timeout=deadline
    )


def _affordable_connections() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(MOST_CONNECTIONS, soft - _SPARE_DESCRIPTORS))


@contextmanager
def _log_lid(names: Sequence[str]) -> Iterator[None]:
    """Hold the log of everything a visitor can cause under one budget."""
    lid = LogBudget(time.monotonic)
    loggers = [logging.getLogger(name) for name in (*_LOGGERS, *names)]
    for logger in loggers:
        logger.addFilter(lid)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(lid)
