"""A library system that answers SIP2 at once: every card is good with the PIN 1234.

Not a peer to prove the client against (tests/peers has those): it takes as little time as a
process can, so that a benchmark of the portal does not measure a library. Also the same dialogue
asked by a bare client, which says what connecting and three round trips cost by themselves.
"""

import asyncio
import re
import socket
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime

import uvloop

from bench.namespaces import inside
from portal.domain.identity import Secret
from portal.library.sip2 import wire

PIN = "1234"
_TAIL = re.compile(rb"AY([0-9])AZ[0-9A-F]{4}\Z")
_CARD = re.compile(rb"\|AA([^|]*)\|")
_NOW = b"20260101    120000"
_STATUS = b"98YYYYYN010003" + _NOW + b"2.00AOBENCH|BXYYYYYYYYYYYYYYYY|"
_PATRON = b"64" + b" " * 14 + b"006" + _NOW + b"0000" * 6
_DIALECT = wire.Dialect("utf-8")


class Answering(asyncio.Protocol):
    """One connection of a portal."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport
        self._frames = wire.FrameReader()

    def data_received(self, data: bytes) -> None:
        """Answer every whole message."""
        for frame in self._frames.feed(data):
            self._transport.write(_answer(frame))  # type: ignore[attr-defined]


def _answer(frame: bytes) -> bytes:
    tail = _TAIL.search(frame)
    sequence = int(tail[1]) if tail else None
    return wire.seal(_body(frame), checksum=tail is not None, sequence=sequence)


def _body(frame: bytes) -> bytes:
    match frame[:2]:
        case b"93":
            return b"941"
        case b"99":
            return _STATUS
        case _:
            card = _CARD.search(frame)
            number = card[1] if card else b""
            good = b"Y" if b"|AD" + PIN.encode() + b"|" in frame else b"N"
            return _PATRON + b"AOBENCH|AA%s|AENobody|BLY|CQ%s|PA20991231|" % (number, good)


def dialogue(card: str, password: str) -> list[bytes]:
    """Return the frames that one login sends: 93, 99, 63."""
    queries: list[wire.Query] = [
        wire.Login("portal", Secret(password)),
        wire.ScStatus(),
        wire.PatronQuery(
            wire.PatronMessage.INFORMATION, Secret(card), Secret(PIN), datetime.now(UTC)
        ),
    ]
    return [
        wire.seal(wire.encode(query, _DIALECT), checksum=True, sequence=number)
        for number, query in enumerate(queries)
    ]


def time_dialogue(namespace: str, address: tuple[str, int], frames: list[bytes]) -> float:
    """Return the seconds of connecting and asking, by a client that does nothing else."""
    connection = inside(namespace, lambda: socket.socket(socket.AF_INET))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(5)
    began = time.perf_counter()
    connection.connect(address)
    for frame in frames:
        connection.sendall(frame)
        answer = b""
        while not answer.endswith(b"\r"):
            answer += connection.recv(4096)
    took = time.perf_counter() - began
    connection.close()
    return took


async def serve(host: str, port: int) -> None:
    """Serve until cancelled."""
    server = await asyncio.get_running_loop().create_server(Answering, host, port)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2])))
