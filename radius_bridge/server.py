"""RADIUS over UDP: datagrams in from the sockets, replies out at the address they were asked at.

Not what is answered (pipeline.py, responder.py). Works on asyncio's own loop and on uvloop's.
The rule to keep: a stranger costs a look-up and nothing else; and a wake-up takes a bounded number
of datagrams, so that what waits elsewhere in the process gets its turn.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any, Self

from radius_bridge.clients import Clients, RadiusClient
from radius_bridge.pipeline import Discard, Moment, Origin, Service
from radius_bridge.responder import Responder, Send
from radius_bridge.wire import PACKET_MAX_OCTETS

DATAGRAMS_PER_WAKE_UP = 64
"""About 2 ms of work."""
_RECEIVE_BUFFER_OCTETS = 4 * 1024 * 1024
"""Half a second of a flood; the kernel may grant less (net.core.rmem_max)."""
_KNOWN_MAX = 10_000
"""Address and port pairs whose client is remembered."""
_DATAGRAM_MAX_OCTETS = PACKET_MAX_OCTETS + 1
"""What follows a packet is padding; more of it need not be kept."""

_IP_PKTINFO = 8  # linux/in.h; Python has no name for it before 3.14
_IN_PKTINFO = struct.Struct("=i4s4s")  # struct in_pktinfo: interface, local address, destination
_IN6_PKTINFO = struct.Struct("=16sI")  # struct in6_pktinfo: local address, interface
_LINK_LOCAL = b"\xfe\x80"
_NOTES_OCTETS = 128
"""Room for what the kernel says beside a datagram: 28 octets in IPv4, 36 in IPv6."""
_IPV6 = 6

_log = logging.getLogger(__name__)

_Asker = tuple[Any, ...]
"""A socket address, or more (_WildcardListener): what a reply is sent to."""
_Known = tuple[RadiusClient, Origin, Send]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen. Port 0: any that is free."""

    address: str
    port: int
    service: Service


class UdpServer:
    """The UDP sockets of a process: `with` opens and closes them, `run` serves them."""

    def __init__(
        self, responder: Responder, endpoints: Sequence[Endpoint], *, shares_ports: bool = False
    ) -> None:
        """`shares_ports`: several processes listen on the same ports, and the kernel divides.

        It divides by addresses and ports, so a repeated request reaches the same process.
        """
        self._responder = responder
        self._endpoints = endpoints
        self._shares_ports = shares_ports
        self._listeners: list[_Listener] = []

    def __enter__(self) -> Self:
        """Open the sockets.

        Raises:
            OSError: an address is not ours, or a port is taken.
        """
        try:
            for endpoint in self._endpoints:
                opened = _open(endpoint, shares_port=self._shares_ports)
                self._listeners.append(_listener(opened, endpoint, self._responder))
        except OSError:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where it listens really, in the order given."""
        return tuple(listener.endpoint for listener in self._listeners)

    async def run(self) -> None:
        """Serve until cancelled; the responder runs elsewhere."""
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.add_reader(listener.fileno(), listener.drain)
        try:
            await loop.create_future()
        finally:
            for listener in self._listeners:
                loop.remove_reader(listener.fileno())

    def close(self) -> None:
        """Close the sockets; whoever asks next is answered by nobody."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()


class _Listener:
    """One socket on one address: the kernel sends from where it was asked."""

    def __init__(self, opened: socket.socket, endpoint: Endpoint, responder: Responder) -> None:
        address, port = opened.getsockname()[:2]
        self.endpoint = Endpoint(address, port, endpoint.service)
        self._name = f"udp {address} {port}"
        self._socket = opened
        self._responder = responder
        self._known: dict[_Asker, _Known] = {}
        self._known_clients: Clients | None = None
        self._receive: Callable[[], tuple[bytes, _Asker]]
        self._receive = partial(opened.recvfrom, _DATAGRAM_MAX_OCTETS)
        self._put: Callable[[bytes, Any], object] = opened.sendto

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def drain(self) -> None:
        """Take what has come, up to a number."""
        now = self._responder.now()
        self._follow_reload()
        receive, handle, known = self._receive, self._responder.handle, self._known
        for _ in range(DATAGRAMS_PER_WAKE_UP):
            try:
                octets, asker = receive()
            except BlockingIOError:
                return
            except OSError as problem:
                _log.warning("%s: %s", self._name, problem.strerror)
                return
            met = known.get(asker) or self._meet(asker, now)
            if met is not None:
                client, origin, send = met
                handle(octets, client, origin, now, send)

    def _follow_reload(self) -> None:
        clients = self._responder.pipeline.clients
        if clients is not self._known_clients or len(self._known) > _KNOWN_MAX:
            self._known.clear()
            self._known_clients = clients

    def _meet(self, asker: _Asker, now: Moment) -> _Known | None:
        address, port = self._source(asker)[:2]
        client = self._responder.pipeline.find(address, now)
        if client is None:
            return None
        origin = Origin(address, port, self._name, self.endpoint.service)
        known = self._known[asker] = (client, origin, partial(self._send, client, asker))
        return known

    def _source(self, asker: _Asker) -> _Asker:
        return asker

    def _send(self, client: RadiusClient, asker: _Asker, octets: bytes) -> None:
        """Send; what the kernel does not take is lost like any datagram, and asked for again."""
        try:
            self._put(octets, asker)
        except OSError:
            self._responder.pipeline.discard(client, Discard.NOT_SENT)


class _WildcardListener(_Listener):
    """One socket on all addresses of a machine, which notes at which of them it was asked.

    An asker here is the source and the kernel's note, which goes back with the reply.
    """

    def __init__(self, opened: socket.socket, endpoint: Endpoint, responder: Responder) -> None:
        super().__init__(opened, endpoint, responder)
        self._receive, self._put = self._receive_with_note, self._put_with_note
        self._level, self._kind = _turn_notes_on(opened)

    def _receive_with_note(self) -> tuple[bytes, _Asker]:
        octets, notes, _, source = self._socket.recvmsg(_DATAGRAM_MAX_OCTETS, _NOTES_OCTETS)
        note = next((data for level, kind, data in notes if kind == self._kind), b"")
        return octets, (source, note)

    def _source(self, asker: _Asker) -> _Asker:
        source: _Asker = asker[0]
        return source

    def _put_with_note(self, octets: bytes, asker: _Asker) -> None:
        source, note = asker
        self._socket.sendmsg(
            [octets], [(self._level, self._kind, self._answering(note))], 0, source
        )

    def _answering(self, note: bytes) -> bytes:
        """Turn the note about a request into the one for its reply.

        The interface is left to the routes, because the way back may be another; only an address
        that exists once an interface needs it.
        """
        if self._level == socket.IPPROTO_IP:
            _, local, _ = _IN_PKTINFO.unpack(note)
            return _IN_PKTINFO.pack(0, local, bytes(4))
        address, interface = _IN6_PKTINFO.unpack(note)
        return _IN6_PKTINFO.pack(address, interface if address[:2] == _LINK_LOCAL else 0)


def _turn_notes_on(opened: socket.socket) -> tuple[int, int]:
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO
    opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    return socket.IPPROTO_IP, _IP_PKTINFO


def _listener(opened: socket.socket, endpoint: Endpoint, responder: Responder) -> _Listener:
    is_wildcard = ip_address(endpoint.address).is_unspecified
    return (_WildcardListener if is_wildcard else _Listener)(opened, endpoint, responder)


def _open(endpoint: Endpoint, *, shares_port: bool) -> socket.socket:
    is_ipv6 = ip_address(endpoint.address).version == _IPV6
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        if shares_port:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if is_ipv6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((endpoint.address, endpoint.port))
    except OSError:
        opened.close()
        raise
    return opened
