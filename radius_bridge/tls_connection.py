"""One connection of RADIUS/TLS: requests both ways, on what the access point opened.

Not what is answered (pipeline.py, responder.py), nor who may connect (tls_server.py). What RFC 6613
section 2.6.4 says is kept here: what cannot be a packet, and what proves itself wrong, closes the
connection.
The rule to keep: a peer that does not read, or begins a packet and does not end it, costs its own
connection and nothing else.
Source: RFC 6613 section 2.6, RFC 6614 sections 2.4 and 2.5.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from radius_bridge.authenticators import Verdict, judge_reply, sign_request
from radius_bridge.clients import RadiusClient, inside_tls
from radius_bridge.dynamic_authorization import ConnectionLostError
from radius_bridge.dynamic_requests import Missing
from radius_bridge.framing import Framer
from radius_bridge.pipeline import Discard, Origin
from radius_bridge.responder import Responder
from radius_bridge.wire import Code, MalformedPacketError, Packet, decode

PACKETS_PER_TURN = 64
"""About 2 ms of work; then others have their turn."""
ASKED_AT_ONCE = 64
"""Of the 255 Identifiers that we have on a connection (0 is Status-Server's, RFC 6613 section
2.6.5), so that one is used again long after a late reply to it could come."""
REPLY_S = 30.0
"""MRD of RFC 5080: over TCP nothing is sent again, but nobody waits longer either."""

_UNREAD_MAX_OCTETS = 64 * 1024
"""Some 600 replies: more than a connection has Identifiers."""

_OUR_REPLIES = frozenset({Code.DISCONNECT_ACK, Code.DISCONNECT_NAK, Code.COA_ACK, Code.COA_NAK})


class Closed(StrEnum):
    """Why a connection was closed."""

    BY_PEER = "by_peer"
    NOT_A_PACKET = "not_a_packet"
    FORGED = "authenticator_wrong"
    DISMISSED = "no_client_any_more"
    REVOKED = "certificate_revoked"
    IDLE = "idle"
    SLOW = "packet_not_ended"
    UNREAD = "replies_not_read"
    CROWDED_OUT = "too_many_connections_of_client"
    STOPPED = "stopped"


_REASONS = {Discard.FORGED: Closed.FORGED}


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a peer may be quiet."""

    idle_s: float = 3600.0
    """Access points without a watchdog are quiet all night; TCP finds out who is gone."""
    packet_s: float = 30.0
    """From the first octet of a packet to its last, and until replies are read."""
    reply_s: float = REPLY_S
    turn_s: float = REPLY_S
    """How long a request of ours waits to be sent, behind others."""


@dataclass(slots=True)
class _Question:
    request: Packet
    reply: asyncio.Future[Packet]


class TlsConnection(asyncio.Protocol):
    """A connection that has proved whose it is; `lost` is called once, when it is gone.

    It may be used from `connection_made` on.
    """

    def __init__(
        self,
        responder: Responder,
        welcome: Callable[["TlsConnection"], RadiusClient | None],
        lost: Callable[["TlsConnection"], None],
        origin: Origin,
        limits: ConnectionLimits,
    ) -> None:
        self.closed: Closed | None = None
        self.certificate_names: tuple[str, ...] = ()
        self.certificate_serial = 0
        self._responder = responder
        self._welcome = welcome
        self._lost = lost
        self._origin = origin
        self._limits = limits
        self._framer = Framer()
        self._held_by: set[str] = set()
        self._questions: dict[int, _Question] = {}
        self._identifiers = itertools.cycle(range(1, 256))
        self._places = asyncio.Semaphore(ASKED_AT_ONCE)
        self._heard_at_s = 0.0
        self._unread_since_s: float | None = None
        self._transport: asyncio.Transport

    @property
    def address(self) -> str:
        """Where it comes from: with NAT not the access point's own."""
        return self._origin.address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done: see who it is."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._transport.set_write_buffer_limits(high=_UNREAD_MAX_OCTETS)
        self._loop = asyncio.get_running_loop()
        self._heard_at_s = self._loop.time()
        certificate = transport.get_extra_info("ssl_object").getpeercert() or {}
        self.certificate_names = _dns_names(certificate)
        self.certificate_serial = int(certificate.get("serialNumber", "0"), 16)
        client = self._welcome(self)
        if client is None:
            self.close(Closed.DISMISSED)
        else:
            self.serve_as(client)

    def serve_as(self, client: RadiusClient) -> None:
        """Serve requests from now on with this client's settings."""
        self.client = inside_tls(client)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why is of no use
        """Tell everybody who waits for something on it."""
        self.closed = self.closed or Closed.BY_PEER
        for question in self._questions.values():
            if not question.reply.done():
                question.reply.set_exception(ConnectionLostError())
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        """Take octets, and work on the packets that are whole."""
        if self._framer.is_between_packets:
            self._heard_at_s = self._loop.time()
        self._framer.feed(data)
        if "work" not in self._held_by:
            self._work()

    def pause_writing(self) -> None:
        """The peer does not read: take nothing more that it would be answered."""
        self._unread_since_s = self._loop.time()
        self._hold("replies")

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._unread_since_s = None
        self._release("replies")

    def check(self, now_s: float) -> None:
        """Close what has been quiet for too long."""
        limits = self._limits
        if self._unread_since_s is not None:
            if now_s - self._unread_since_s > limits.packet_s:
                self.close(Closed.UNREAD)
        elif now_s - self._heard_at_s > limits.idle_s:
            self.close(Closed.IDLE)
        elif not self._framer.is_between_packets and now_s - self._heard_at_s > limits.packet_s:
            self.close(Closed.SLOW)

    def close(self, why: Closed) -> None:
        """Close; what has been answered still goes out, unless the peer does not read."""
        if self.closed is not None:
            return
        self.closed = why
        if why in {Closed.UNREAD, Closed.SLOW, Closed.IDLE, Closed.STOPPED}:
            self._transport.abort()
        else:
            self._transport.close()

    async def ask(self, request: Packet) -> Packet | Missing:
        """Send a request of ours, and return the reply that proves itself.

        Raises:
            ConnectionLostError: there will be none.
        """
        try:
            async with asyncio.timeout(self._limits.turn_s):
                await self._places.acquire()
        except TimeoutError:
            return Missing.NO_ROOM
        try:
            return await self._ask_in_place(request)
        finally:
            self._places.release()

    async def _ask_in_place(self, request: Packet) -> Packet | Missing:
        if self.closed is not None:
            raise ConnectionLostError
        identifier = next(one for one in self._identifiers if one not in self._questions)
        octets = sign_request(replace(request, identifier=identifier), self.client.secret)
        reply: asyncio.Future[Packet] = self._loop.create_future()
        self._questions[identifier] = _Question(decode(octets), reply)
        try:
            self._transport.write(octets)
            await asyncio.wait((reply,), timeout=self._limits.reply_s)
            return reply.result() if reply.done() else Missing.SILENCE
        finally:
            del self._questions[identifier]

    def _work(self) -> None:
        """Work on some packets, and on the others when everybody else has had a turn."""
        for _ in range(PACKETS_PER_TURN):
            if self.closed is not None:
                return
            try:
                octets = self._framer.next_packet()
            except MalformedPacketError:
                self._responder.pipeline.discard(self.client, Discard.LENGTH)
                self.close(Closed.NOT_A_PACKET)
                return
            if octets is None:
                self._release("work")
                return
            self._heard_at_s = self._loop.time()
            self._take(octets)
        self._hold("work")
        self._loop.call_soon(self._work)

    def _take(self, octets: bytes) -> None:
        if octets[0] in _OUR_REPLIES:
            self._take_reply(octets)
            return
        now = self._responder.now()
        discard = self._responder.handle(octets, self.client, self._origin, now, self._send)
        if discard is not None and discard.closes:
            self.close(_REASONS.get(discard, Closed.NOT_A_PACKET))

    def _take_reply(self, octets: bytes) -> None:
        try:
            reply = decode(octets)
        except MalformedPacketError as problem:
            self._responder.pipeline.discard(self.client, Discard(problem.fault.value))
            self.close(Closed.NOT_A_PACKET)
            return
        question = self._questions.get(reply.identifier)
        if question is None or question.reply.done():
            return
        if judge_reply(reply, question.request, self.client.secret) is Verdict.GENUINE:
            question.reply.set_result(reply)
        else:
            self._responder.pipeline.discard(self.client, Discard.FORGED)
            self.close(Closed.FORGED)

    def _send(self, octets: bytes) -> None:
        """Answer, if there still is anybody: a reply belongs to its connection alone."""
        if not self._transport.is_closing():
            self._transport.write(octets)

    def _hold(self, why: str) -> None:
        if not self._held_by:
            self._transport.pause_reading()
        self._held_by.add(why)

    def _release(self, why: str) -> None:
        if why in self._held_by:
            self._held_by.remove(why)
            if not self._held_by and not self._transport.is_closing():
                self._transport.resume_reading()


def _dns_names(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the DNS names of the certificate that the peer has proved to hold."""
    return tuple(value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS")
