"""RADIUS/TLS (RFC 6614): who may connect, and which connections there are.

Not what is said on them (tls_connection.py). Works on asyncio's own loop and on uvloop's.
The rule to keep: an access point is its certificate, not its address; whoever has shown none yet
gets little time and few places, and its handshake delays nobody else's.
"""

import asyncio
import itertools
import logging
import socket
import ssl
from collections import Counter, OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Self

from radius_bridge.clients import RadiusClient
from radius_bridge.pipeline import Origin, Service
from radius_bridge.responder import Responder
from radius_bridge.tls_connection import Closed, ConnectionLimits, TlsConnection

PORT = 2083
"""IANA's, for RADIUS over TLS (RFC 6614 section 2.1)."""

_BACKLOG = 128
_REST_S = 1.0
"""After the machine had no more file descriptors."""
_FAREWELL_S = 2.0
"""How long a closing peer may take to say so too."""
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    # A NAT forgets a quiet connection after five minutes (RFC 5382 allows two hours, many do not
    # care), and then no Disconnect reaches the access point.
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    # What is not acknowledged for so many milliseconds ends the connection. By its own measure TCP
    # would go on for a quarter of an hour, and each Disconnect be said to nobody.
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 40_000),
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsLimits:
    """How much may be connected.

    A client's oldest quiet connection gives way to its newest: after a power cut an access point
    comes back long before its old connection is known to be dead.
    """

    connections: int = 1024
    of_client: int = 256
    handshakes: int = 128
    handshakes_of_address: int = 32
    """A branch behind one address that comes back from a power cut."""
    handshake_s: float = 10.0
    check_every_s: float = 5.0
    connection: ConnectionLimits = field(default_factory=ConnectionLimits)


class TlsServer:
    """The RADIUS/TLS side of a process. `with` opens and closes the ports; `run` serves."""

    def __init__(
        self,
        responder: Responder,
        addresses: Sequence[tuple[str, int]],
        context: ssl.SSLContext,
        limits: TlsLimits | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._responder = responder
        self._addresses = addresses
        self._context = context
        self._revoked: Collection[int] = ()
        self._limits = limits or TlsLimits()
        self._sockets: list[socket.socket] = []
        self._handshakes: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._connections: dict[
            str, OrderedDict[TlsConnection, None]
        ] = {}  # by client, oldest first

    def __enter__(self) -> Self:
        """Open the ports.

        Raises:
            OSError: an address is not ours, or a port is taken.
        """
        try:
            for address, port in self._addresses:
                self._sockets.append(_listen(address, port))
        except OSError:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ports; connections end with `run`."""
        for opened in self._sockets:
            opened.close()
        self._sockets.clear()

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where it listens really, in the order given."""
        return tuple(opened.getsockname()[:2] for opened in self._sockets)

    @property
    def connected(self) -> dict[str, int]:
        """How many connections each client has."""
        return {name: len(those) for name, those in self._connections.items()}

    async def run(self) -> None:
        """Serve until cancelled; the responder runs elsewhere."""
        async with asyncio.TaskGroup() as tasks:
            for opened in self._sockets:
                tasks.create_task(self._accept(opened, tasks), name="radius-tls-accept")
            await self._check_for_ever()

    def renew(self, context: ssl.SSLContext, revoked: Collection[int] = ()) -> None:
        """Use other certificates for those who connect from now on.

        Who is connected stays, unless its certificate's serial number is among the revoked. Who is
        shaking hands just now is judged by the older list, and looked at again when that is done.
        """
        self._context = context
        self._revoked = revoked
        for connection in self._all():
            if connection.certificate_serial in revoked:
                self._forget(connection)
                connection.close(Closed.REVOKED)

    def follow_clients(self) -> None:
        """After the responder's clients were reloaded: serve each connection as it is meant now."""
        clients = self._responder.pipeline.clients
        for connection in self._all():
            client = clients.certified(connection.certificate_names)
            self._forget(connection)
            if client is None:
                connection.close(Closed.DISMISSED)
            else:
                self._connections.setdefault(client.name, OrderedDict())[connection] = None
                connection.serve_as(client)

    def to(self, client: RadiusClient, address: str) -> Sequence[TlsConnection]:
        """Return the client's connections from this address, or all where none is from there."""
        own = [one for one in self._connections.get(client.name, ()) if one.closed is None]
        return [one for one in own if one.address == address] or own

    async def _accept(self, listening: socket.socket, tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                opened, peer = await loop.sock_accept(listening)
            except OSError as problem:
                _log.warning("RADIUS/TLS takes no connection: %s", problem.strerror)
                await asyncio.sleep(_REST_S)
                continue
            if self._has_room(peer[0]):
                self._handshakes[peer[0]] += 1
                tasks.create_task(self._shake_hands(opened, *peer[:2]), name="radius-tls-handshake")
            else:
                self.counts["no_room"] += 1
                opened.close()

    def _has_room(self, address: str) -> bool:
        limits = self._limits
        return (
            self._handshakes[address] < limits.handshakes_of_address
            and self._handshakes.total() < limits.handshakes
            and self._handshakes.total() + len(self._all()) < limits.connections
        )

    async def _shake_hands(self, opened: socket.socket, address: str, port: int) -> None:
        # A listener of its own, so that cached replies are no other connection's.
        origin = Origin(address, port, f"tls {next(self._numbers)}", Service.BOTH)
        try:
            for option in _KEEPALIVE:
                opened.setsockopt(*option)
            await asyncio.get_running_loop().connect_accepted_socket(
                partial(self._connection, origin),
                opened,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.handshake_s,
                ssl_shutdown_timeout=_FAREWELL_S,
            )
        except OSError:  # TLS errors, time-outs and broken connections alike
            self.counts["handshake_failed"] += 1
            self._responder.pipeline.counters.count_stranger(address, self._responder.now().utc)
            opened.close()
        finally:
            self._handshakes[address] -= 1
            if not self._handshakes[address]:
                del self._handshakes[address]

    def _connection(self, origin: Origin) -> TlsConnection:
        limits = self._limits.connection
        return TlsConnection(self._responder, self._welcome, self._part, origin, limits)

    def _welcome(self, connection: TlsConnection) -> RadiusClient | None:
        """Say whose a connection is, and make room for it among the client's."""
        if connection.certificate_serial in self._revoked:
            self.counts["revoked_during_handshake"] += 1
            return None
        client = self._responder.pipeline.clients.certified(connection.certificate_names)
        if client is None:
            self.counts["unknown_certificate"] += 1
            now = self._responder.now().utc
            self._responder.pipeline.counters.count_stranger(connection.address, now)
            names = ", ".join(connection.certificate_names[:3])
            _log.warning("RADIUS/TLS: a certificate of our authority names no client: %s", names)
            return None
        self.counts["connected"] += 1
        own = self._connections.setdefault(client.name, OrderedDict())
        own[connection] = None
        if len(own) > self._limits.of_client:
            next(iter(own)).close(Closed.CROWDED_OUT)
        return client

    def _part(self, connection: TlsConnection) -> None:
        self.counts[f"closed_{connection.closed}"] += 1
        self._forget(connection)

    def _forget(self, connection: TlsConnection) -> None:
        for name, own in list(self._connections.items()):
            own.pop(connection, None)
            if not own:
                del self._connections[name]

    def _all(self) -> list[TlsConnection]:
        return [one for own in self._connections.values() for one in own]

    async def _check_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(self._limits.check_every_s)
                for connection in self._all():
                    connection.check(loop.time())
        finally:
            for connection in self._all():
                connection.close(Closed.STOPPED)


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened
