"""A log collector of the tests: takes syslog over TLS, and reads it by the grammar of the RFCs."""

import asyncio
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from firewall.lab.authority import Authority
from portal.clock import utc_now

HEADER = re.compile(
    r"<(?P<priority>\d{1,3})>1 (?P<at>\S{20,32}) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48})"
    r" (?P<process>[!-~]{1,128}) (?P<kind>[!-~]{1,32}) (?P<rest>.*)",
    re.DOTALL,
)
PARAMETER = re.compile(r' ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"')
"""RFC 5424 section 6.3.3: PARAM-NAME, and PARAM-VALUE with three characters escaped."""

_RECEIVE_BUFFER_OCTETS = 65_536


@dataclass(frozen=True, slots=True)
class Heard:
    """One message, read."""

    priority: int
    at: datetime
    host: str
    kind: str
    data: dict[str, str]
    message: dict[str, str]


def read(message: bytes) -> Heard:
    """Read one message; anything that RFC 5424 does not allow fails."""
    found = HEADER.fullmatch(message.decode())
    assert found, message
    assert found["app"] == "kvar"
    data, text = _structured(found["rest"])
    assert text.startswith("\ufeff")
    at = datetime.fromisoformat(found["at"])
    assert at.tzinfo is not None
    return Heard(
        int(found["priority"]), at, found["host"], found["kind"], data, json.loads(text[1:])
    )


def _structured(rest: str) -> tuple[dict[str, str], str]:
    if rest.startswith("- "):
        return {}, rest[2:]
    start = re.match(r"\[[!#-<>-\\^-~]{1,32}@\d+", rest)
    assert start, rest
    place, data = start.end(), {}
    while found := PARAMETER.match(rest, place):
        data[found[1]] = re.sub(r'\\(["\\\]])', r"\1", found[2])
        place = found.end()
    assert rest[place : place + 2] == "] ", rest[place:]
    return data, rest[place + 2 :]


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield what stands in each frame (RFC 5425 section 4.3)."""
    while True:
        try:
            length = await reader.readuntil(b" ")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                raise ValueError("half a frame") from end
            return
        assert re.fullmatch(rb"[1-9][0-9]* ", length), length
        yield await reader.readexactly(int(length))


@dataclass
class Collector:
    """Where it listens and what it heard. ``deaf``: it takes connections, and reads nothing."""

    port: int
    heard: list[Heard] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    deaf: bool = False
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in self.heard]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            if self.deaf:
                await asyncio.Event().wait()
            async for message in frames(reader):
                self.heard.append(read(message))
        except (AssertionError, ValueError, OSError, asyncio.IncompleteReadError) as problem:
            self.broken.append(problem)
        finally:
            self.writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


@dataclass(frozen=True, slots=True)
class Keys:
    """The collector's certificate and the authority behind it."""

    authority: Path
    chain: Path
    key: Path


def make_keys(directory: Path, name: str = "localhost") -> Keys:
    directory.mkdir(exist_ok=True)
    authority = Authority.create(directory, utc_now())
    certificate = authority.issue([name], utc_now())
    return Keys(authority.certificate_file, certificate.chain, certificate.key)


@asynccontextmanager
async def collecting(
    keys: Keys, port: int = 0, *, known_client: Path | None = None
) -> AsyncIterator[Collector]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(keys.chain, keys.key)
    if known_client is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(known_client)
    collector = Collector(port)
    server = await asyncio.start_server(collector.serve, "127.0.0.1", port, ssl=context)
    collector.port = server.sockets[0].getsockname()[1]
    # what the kernel takes for one that reads nothing counts as taken: keep that below a batch
    server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
    try:
        yield collector
    finally:
        server.close()
        collector.hang_up()
