"""An access point for tests that takes CoA- and Disconnect-Requests, and answers as a test asks.

Written apart from our codec: pyrad reads the requests and signs the replies. A behaviour turns one
request into the datagrams to send back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any, cast

from pyrad.dictionary import Dictionary
from pyrad.packet import CoAPacket

SECRET = b"a shared secret of the test"
WORDS = Dictionary(
    StringIO(
        "ATTRIBUTE User-Name 1 string\nATTRIBUTE Proxy-State 33 octets\n"
        "ATTRIBUTE Calling-Station-Id 31 string\nATTRIBUTE Event-Timestamp 55 integer\n"
        "ATTRIBUTE Message-Authenticator 80 octets\nATTRIBUTE Error-Cause 101 integer\n"
    )
)


@dataclass(frozen=True)
class Request:
    """What came, and from where; `packet` is pyrad's view of it."""

    octets: bytes
    sender: tuple[str, int]
    packet: Any


Behaviour = Callable[[Request], Sequence[bytes]]


def reply(
    request: Request,
    *,
    refused: bool = False,
    cause: int | None = None,
    secret: bytes = SECRET,
    proof: bool = True,
    proxy_state: bytes | None = None,
) -> bytes:
    """Sign an ACK, or a NAK where there is a cause."""
    answer = request.packet.CreateReply()
    answer.secret = secret
    if refused or cause is not None:
        answer.code = request.packet.code + 2
    if cause is not None:
        answer["Error-Cause"] = cause
    if proxy_state is not None:
        answer["Proxy-State"] = proxy_state
    if proof:
        answer.add_message_authenticator()
    signed: bytes = answer.ReplyPacket()
    return signed


def agree(request: Request) -> Sequence[bytes]:
    return (reply(request),)


def say_nothing(_request: Request) -> Sequence[bytes]:
    return ()


class AccessPoint(asyncio.DatagramProtocol):
    """Listens on an address of this machine; `requests` are all that came, repetitions included."""

    def __init__(self, behaviour: Behaviour = agree) -> None:
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.came = asyncio.Event()
        self.transport: asyncio.DatagramTransport

    @property
    def port(self) -> int:
        port: int = self.transport.get_extra_info("sockname")[1]
        return port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = CoAPacket(packet=data, secret=SECRET, dict=WORDS)
        request = Request(data, (addr[0], addr[1]), packet)
        self.requests.append(request)
        self.came.set()
        for datagram in self.behaviour(request):
            self.transport.sendto(datagram, addr)

    async def has(self, number: int) -> None:
        """Wait until so many requests have come."""
        while len(self.requests) < number:
            self.came.clear()
            await self.came.wait()


@asynccontextmanager
async def access_point(
    behaviour: Behaviour = agree, address: str = "127.0.0.1"
) -> AsyncIterator[AccessPoint]:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(
        lambda: AccessPoint(behaviour), local_addr=(address, 0)
    )
    try:
        yield peer
    finally:
        transport.close()
