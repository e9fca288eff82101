"""Requests of ours over UDP: each asked until it is answered, or until it has failed.

Not what the requests mean. The sockets are opened as they are needed, and closed by `close`.
The door fails to silence: a network that loses or refuses datagrams is an access point that does
not answer.
The rule to keep: a request is repeated octet by octet, only a reply that proves itself ends it, and
nobody waits for an access point that is away but those who ask that one.
"""

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from radius_bridge.authenticators import Verdict, judge_reply, sign_request
from radius_bridge.dynamic_requests import Missing
from radius_bridge.identifiers import PORTS_MAX, WINDOW_S, Identifiers, Peer, Ticket
from radius_bridge.retransmission import RetransmissionTimes, waits
from radius_bridge.secret import Secret
from radius_bridge.wire import PACKET_MAX_OCTETS, MalformedPacketError, Packet, decode

_DRAINED_AT_ONCE = 64
"""Replies read in one turn of the loop, so that a flood of them leaves time for others."""

_random = secrets.SystemRandom()


class ExchangeEvent(StrEnum):
    """What is counted."""

    SENT = "sent"
    SENT_AGAIN = "sent_again"
    SEND_FAILED = "send_failed"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    NO_ROOM = "no_room"
    REPLY_MALFORMED = "reply_malformed"
    REPLY_FORGED = "reply_forged"
    REPLY_UNEXPECTED = "reply_unexpected"
    """Late, doubled, or from somewhere that was not asked."""


@dataclass(frozen=True, slots=True)
class ExchangeLimits:
    """How much may be under way.

    A small access point works through its requests one by one, so more than a few at a time only
    make it lose some. Two hundred and fifty of them can be away before others notice.
    """

    in_flight_per_peer: int = 16
    in_flight: int = 4096
    waiting_per_peer: int = 4096
    """As many as there are Identifiers in one window (`identifiers.PORTS_MAX`)."""
    patience_s: float = 30.0
    """Who has not had his turn by then would be told too late to matter."""
    ports_max: int = PORTS_MAX
    window_s: float = WINDOW_S


class _Slot(NamedTuple):
    """Where a reply belongs: who must send it, to which of our sockets, with which Identifier."""

    peer: Peer
    port: int
    identifier: int


@dataclass(slots=True)
class _Question:
    """A request as it was sent, and where its reply is waited for."""

    request: Packet
    secret: Secret
    reply: asyncio.Future[Packet]


@dataclass(slots=True)
class _Lane:
    """Those who ask one peer."""

    places: asyncio.Semaphore
    users: int = 0


def open_socket(family: socket.AddressFamily, address: str = "") -> socket.socket:
    """Open a source port on an address of this machine, or on whichever fits."""
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.bind((address, 0))
    return opened


class DatagramExchanges:
    """Asks access points over UDP, many at a time."""

    def __init__(
        self,
        times: RetransmissionTimes | None = None,
        limits: ExchangeLimits | None = None,
        open_socket: Callable[[socket.AddressFamily], socket.socket] = open_socket,
    ) -> None:
        self.counts: Counter[ExchangeEvent] = Counter()
        self._times = times or RetransmissionTimes()
        self._limits = limits or ExchangeLimits()
        self._open_socket = open_socket
        self._identifiers = Identifiers(self._limits.window_s, self._limits.ports_max)
        self._places = asyncio.Semaphore(self._limits.in_flight)
        self._lanes: dict[Peer, _Lane] = {}
        self._sockets: dict[tuple[socket.AddressFamily, int], socket.socket] = {}
        self._questions: dict[_Slot, _Question] = {}

    async def ask(
        self, address: str, port: int, request: Packet, secret: Secret
    ) -> Packet | Missing:
        """Send a request under an Identifier of our own, and return the reply that proves itself.

        Raises:
            ValueError: `address` is no address.
            UnsendableError: the request cannot be written.
        """
        ip = _plain(address)
        peer = (str(ip), port)
        lane = self._lanes.setdefault(peer, _Lane(asyncio.Semaphore(self._in_flight_per_peer)))
        if lane.users >= self._in_flight_per_peer + self._limits.waiting_per_peer:
            return self._no_room()
        lane.users += 1
        try:
            async with AsyncExitStack() as held:
                if not await self._has_turn(lane, held):
                    return self._no_room()
                return await self._ask_under_ticket(_family(ip), peer, request, secret)
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[peer]

    def close(self) -> None:
        """Close the sockets; nobody may be asking any more."""
        for opened in self._sockets.values():
            asyncio.get_running_loop().remove_reader(opened)
            opened.close()
        self._sockets.clear()

    @property
    def _in_flight_per_peer(self) -> int:
        return self._limits.in_flight_per_peer

    def _no_room(self) -> Missing:
        self.counts[ExchangeEvent.NO_ROOM] += 1
        return Missing.NO_ROOM

    async def _has_turn(self, lane: _Lane, held: AsyncExitStack) -> bool:
        """Wait in the peer's own lane first: who waits there takes no place from others."""
        try:
            async with asyncio.timeout(self._limits.patience_s):
                await held.enter_async_context(lane.places)
                await held.enter_async_context(self._places)
        except TimeoutError:
            return False
        return True

    async def _ask_under_ticket(
        self, family: socket.AddressFamily, peer: Peer, request: Packet, secret: Secret
    ) -> Packet | Missing:
        now_s = asyncio.get_running_loop().time
        ticket = self._identifiers.take(peer, now_s())
        if ticket is None:
            return self._no_room()
        try:
            opened = self._source(family, ticket)
            if opened is None:
                return self._no_room()
            octets = sign_request(replace(request, identifier=ticket.identifier), secret)
            return await self._ask_from(opened, _Slot(peer, *ticket), octets, secret)
        finally:
            self._identifiers.give_back(peer, ticket, now_s())

    def _source(self, family: socket.AddressFamily, ticket: Ticket) -> socket.socket | None:
        """Return the socket of a ticket; None where the machine has no more to give."""
        opened = self._sockets.get((family, ticket.port))
        if opened is not None:
            return opened
        try:
            opened = self._open_socket(family)
        except OSError:
            return None
        opened.setblocking(False)  # noqa: FBT003 - it takes no keyword
        asyncio.get_running_loop().add_reader(opened, self._drain, opened, ticket.port)
        self._sockets[family, ticket.port] = opened
        return opened

    async def _ask_from(
        self, opened: socket.socket, slot: _Slot, octets: bytes, secret: Secret
    ) -> Packet | Missing:
        reply: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._questions[slot] = _Question(decode(octets), secret, reply)
        try:
            for number, wait_s in enumerate(waits(self._times, _draw)):
                self._send(opened, slot.peer, octets, again=number > 0)
                await asyncio.wait((reply,), timeout=wait_s)
                if reply.done():
                    self.counts[ExchangeEvent.ANSWERED] += 1
                    return reply.result()
        finally:
            del self._questions[slot]
        self.counts[ExchangeEvent.UNANSWERED] += 1
        return Missing.SILENCE

    def _send(self, opened: socket.socket, peer: Peer, octets: bytes, *, again: bool) -> None:
        """Hand a datagram to the kernel; what it refuses is lost like any other, and repeated."""
        self.counts[ExchangeEvent.SENT_AGAIN if again else ExchangeEvent.SENT] += 1
        try:
            opened.sendto(octets, peer)
        except OSError:
            self.counts[ExchangeEvent.SEND_FAILED] += 1

    def _drain(self, opened: socket.socket, port: int) -> None:
        for _ in range(_DRAINED_AT_ONCE):
            try:
                datagram, sender = opened.recvfrom(PACKET_MAX_OCTETS)
            except OSError:
                return
            event = self._take(datagram, (sender[0], sender[1]), port)
            if event is not None:
                self.counts[event] += 1

    def _take(self, datagram: bytes, peer: Peer, port: int) -> ExchangeEvent | None:
        """Give a reply to who waits for it; otherwise say why nobody gets it."""
        try:
            reply = decode(datagram)
        except MalformedPacketError:
            return ExchangeEvent.REPLY_MALFORMED
        question = self._questions.get(_Slot(peer, port, reply.identifier))
        if question is None or question.reply.done():
            return ExchangeEvent.REPLY_UNEXPECTED
        if judge_reply(reply, question.request, question.secret) is not Verdict.GENUINE:
            return ExchangeEvent.REPLY_FORGED
        question.reply.set_result(reply)
        return None


def _draw() -> float:
    return _random.uniform(-1, 1)


def _plain(address: str) -> IPv4Address | IPv6Address:
    ip = ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return mapped or ip


def _family(ip: IPv4Address | IPv6Address) -> socket.AddressFamily:
    return socket.AF_INET if ip.version == 4 else socket.AF_INET6
