"""A SIP2 server for tests that answers well, except for what a test asks it to do wrong.

Written apart from our codec: its checksums are pysip2's. Each behaviour turns the well-formed
answer to one kind of message into steps: bytes to send, pauses, hanging up.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from pysip2 import calculate_checksum

PATRONS = {b"20000000000001": b"1234", b"20000000000009": b"9999"}
LOGIN = (b"portal", b"s3cret")
STAMP = b"20261122    061132"


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Drip:
    data: bytes
    interval_s: float


class HangUp:
    """Close the connection."""


class Reset:
    """Break the connection off with a TCP reset."""


@dataclass(frozen=True)
class Hold:
    """Say nothing until a test lets go."""

    until: asyncio.Event


Step = bytes | Wait | Drip | HangUp | Reset | Hold
Behaviour = Callable[[bytes, bytes], Sequence[Step]]
"""Request and good answer (both without CR) -> steps."""


def sealed(body: bytes, request: bytes, sequence: bytes | None = None) -> bytes:
    """Give the answer the tail that the request asks for."""
    if request[-6:-4] != b"AZ":
        return body
    number = b"AY" + (sequence or request[-7:-6]) if request[-9:-7] == b"AY" else b""
    covered = body + number + b"AZ"
    return covered + calculate_checksum(covered).encode()


def field_of(request: bytes, name: bytes) -> bytes:
    start = {b"93": 4, b"23": 23, b"63": 33}[request[:2]]
    pieces = request[start:].split(b"|")
    return next((piece[2:] for piece in pieces if piece[:2] == name), b"")


def patron_answer(request: bytes, fields: bytes, status: bytes = b" " * 14) -> bytes:
    """Answer 23 or 63 with these fields after AO."""
    head = {b"23": b"24", b"63": b"64"}[request[:2]] + status + b"006" + STAMP
    counts = b"0000" * 6 if request[:2] == b"63" else b""
    return sealed(head + counts + b"AOLAB|" + fields, request)


def good_answer(request: bytes) -> bytes:
    match request[:2]:
        case b"93":
            given = (field_of(request, b"CN"), field_of(request, b"CO"))
            return sealed(b"941" if given == LOGIN else b"940", request)
        case b"99":
            status = b"98YNNNNY030003" + STAMP + b"2.00AOLAB|AMLab|BXYNNNYYYYYNNNNNNN|"
            return sealed(status, request)
        case _:
            card, pin = field_of(request, b"AA"), field_of(request, b"AD")
            known = b"AA" + card + b"|AEEva Berg|BEeva@example.org|"
            verdict = b"BLY|CQ" + (b"Y" if PATRONS.get(card) == pin else b"N") + b"|"
            return patron_answer(request, known + (verdict if card in PATRONS else b"BLN|"))


@dataclass
class Peer:
    """``behaviours`` by message code; what it received is kept for the test to look at."""

    behaviours: dict[bytes, Behaviour] = field(default_factory=dict)
    greeting: Sequence[Step] = ()
    port: int = 0
    received: list[bytes] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    connections: int = 0
    most_connections: int = 0

    def messages(self, code: bytes) -> list[bytes]:
        return [frame for frame in self.received if frame[:2] == code]

    async def until_idle(self, deadline_s: float = 5.0) -> None:
        """Wait until every client has hung up."""
        async with asyncio.timeout(deadline_s):
            while self.connections:
                await asyncio.sleep(0.005)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, _HungUpError):
                await self._converse(reader, writer)
        finally:
            self.connections -= 1
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._perform(self.greeting, reader, writer)
        while True:
            frame = await reader.readuntil(b"\r")
            self.raw += frame
            request = frame[:-1]
            self.received.append(request)
            answer = good_answer(request)
            behave = self.behaviours.get(request[:2])
            steps = [answer + b"\r"] if behave is None else behave(request, answer)
            await self._perform(steps, reader, writer)

    async def _perform(
        self, steps: Sequence[Step], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for step in steps:
            match step:
                case bytes():
                    writer.write(step)
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Hold(until):
                    await until.wait()
                case Reset():
                    linger = struct.pack("ii", 1, 0)  # on, 0 s: close means reset
                    connection = writer.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    raise _HungUpError
                case HangUp():
                    await writer.drain()
                    raise _HungUpError
                case Drip(data, interval_s):
                    await self._drip(data, interval_s, reader, writer)
            await writer.drain()

    async def _drip(
        self,
        data: bytes,
        interval_s: float,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        for byte in data:
            if reader.at_eof() or writer.transport.is_closing():
                raise _HungUpError
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(interval_s)


class _HungUpError(Exception):
    pass


@asynccontextmanager
async def serving(peer: Peer, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serve on a free port of 127.0.0.1; on leaving, every client must have hung up."""
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    async with server:
        peer.port = server.sockets[0].getsockname()[1]
        yield peer
        await peer.until_idle()
