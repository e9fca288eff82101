"""An access point's end of RADIUS/TLS for tests: Python's own TLS, and framing of its own."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from radius_bridge.secret import Secret
from radius_bridge.wire import Packet, decode
from tests.radius_bridge.certificates import SERVER

RADSEC = Secret(b"radsec")


def client_context(
    authority: Path, own: tuple[Path, Path] | None, alpn: Sequence[str] = ()
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    if own:
        context.load_cert_chain(*own)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsPeer:
    """A connection to the bridge."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @property
    def tls(self) -> ssl.SSLObject:
        found: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return found

    def tell(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def hear(self) -> Packet:
        """Return the next packet.

        Raises:
            EOFError, ConnectionError: the bridge has closed the connection.
        """
        head = await self._reader.readexactly(4)
        return decode(head + await self._reader.readexactly(int.from_bytes(head[2:], "big") - 4))

    async def ask(self, octets: bytes) -> Packet:
        self.tell(octets)
        return await self.hear()

    async def is_closed(self) -> bool:
        """Wait for the end; False when something is said instead."""
        try:
            return await self._reader.read(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True


@asynccontextmanager
async def connected(
    address: tuple[str, int],
    context: ssl.SSLContext,
    local: str = "127.0.0.1",
    local_port: int = 0,
) -> AsyncIterator[TlsPeer]:
    here = (local, local_port)
    reader, writer = await asyncio.open_connection(
        *address, ssl=context, server_hostname=SERVER, local_addr=here
    )
    try:
        yield TlsPeer(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
