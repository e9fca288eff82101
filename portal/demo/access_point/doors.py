"""The access point's sockets: RADIUS towards its server, and CoA and Disconnect from it.

Not what is said (dialect.py). Retransmits as access points do; gives up in silence.
The rule to keep: only what is proved counts, in both directions.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from portal.clock import utc_now
from portal.demo.access_point.dialect import is_timely, refusal
from radius_bridge.authenticators import (
    Verdict,
    judge_reply,
    judge_request,
    sign_reply,
    sign_request,
)
from radius_bridge.dictionary import ErrorCause
from radius_bridge.secret import Secret
from radius_bridge.wire import Code, MalformedPacketError, Packet, decode

PATIENCE_S = (2.0, 4.0, 8.0)
"""Between one sending and the next (RFC 5080 section 2.2.1)."""
ANSWERS_KEPT = 256
"""An identifier comes again after so many requests at the earliest."""

Obey = Callable[[Packet], Awaitable[ErrorCause | None]]


class Server:
    """One port of the RADIUS server, asked one request an identifier."""

    def __init__(self, address: str, port: int, secret: Secret) -> None:
        self._address = (address, port)
        self._secret = secret
        self._waiting: dict[int, tuple[Packet, asyncio.Future[Packet]]] = {}
        self._next = secrets.randbelow(256)

    async def open(self) -> None:
        """Open the socket, which stays the same."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Receiving(self._hear), remote_addr=self._address
        )

    async def ask(self, request: Packet) -> Packet | None:
        """Send a request until it is answered, None when it is not."""
        octets = sign_request(replace(request, identifier=self._take()), self._secret)
        sent = decode(octets)
        answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._waiting[sent.identifier] = sent, answer
        try:
            for patience_s in PATIENCE_S:
                self._transport.sendto(octets)
                done, _ = await asyncio.wait((answer,), timeout=patience_s)
                if done:
                    return answer.result()
            return None
        finally:
            del self._waiting[sent.identifier]

    def _take(self) -> int:
        while self._next in self._waiting:
            self._next = (self._next + 1) % 256
        taken, self._next = self._next, (self._next + 1) % 256
        return taken

    def _hear(self, data: bytes, _sender: object) -> None:
        packet = _decoded(data)
        if packet is None or packet.identifier not in self._waiting:
            return
        request, answer = self._waiting[packet.identifier]
        if judge_reply(packet, request, self._secret) is Verdict.GENUINE and not answer.done():
            answer.set_result(packet)


class Orders:
    """Where the server says what to do with a device (RFC 5176)."""

    def __init__(self, secret: Secret, obey: Obey, group: asyncio.TaskGroup) -> None:
        self._secret = secret
        self._obey = obey
        self._group = group
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()

    async def open(self, port: int) -> None:
        """Listen on every address."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Receiving(self._hear),
            local_addr=("0.0.0.0", port),  # noqa: S104 - a namespace of its own
        )

    def _hear(self, data: bytes, sender: Any) -> None:
        request = _decoded(data)
        if request is None or request.code not in _REPLIES:
            return
        if judge_request(request, self._secret) is Verdict.GENUINE:
            self._group.create_task(self._answer(request, data, sender))

    async def _answer(self, request: Packet, data: bytes, sender: Any) -> None:
        """The same octets again are a repetition, and get the same answer."""
        if data not in self._answers:
            timely = is_timely(request, int(utc_now().timestamp()))
            cause = await self._obey(request) if timely else ErrorCause.INVALID_REQUEST
            good, bad = _REPLIES[request.code]
            self._remember(data, self._sign(request, bad if cause else good, cause))
        self._transport.sendto(self._answers[data], sender)

    def _sign(self, request: Packet, code: Code, cause: ErrorCause | None) -> bytes:
        attributes: Sequence[Any] = () if cause is None else refusal(cause)
        return sign_reply(code, attributes, request, self._secret)

    def _remember(self, data: bytes, answer: bytes) -> None:
        self._answers[data] = answer
        if len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)


_REPLIES: dict[int, tuple[Code, Code]] = {
    Code.COA_REQUEST: (Code.COA_ACK, Code.COA_NAK),
    Code.DISCONNECT_REQUEST: (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
}


class _Receiving(asyncio.DatagramProtocol):
    """Hands datagrams on. An ICMP error is silence: the request is sent again."""

    def __init__(self, hear: Callable[[bytes, Any], None]) -> None:
        self._hear = hear

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Hand it on."""
        self._hear(data, addr)


def _decoded(data: bytes) -> Packet | None:
    try:
        return decode(data)
    except MalformedPacketError:
        return None
