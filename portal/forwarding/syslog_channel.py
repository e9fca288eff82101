"""The way to the log collector: syslog over TLS (RFC 5425), one connection that comes back.

Not what is said (syslog_message.py) and not what waits (the database). Fails open: a collector
that is away hinders nobody, and what it was to be told waits. Syslog has no answer: what counts as
taken is what the other machine's TCP has acknowledged.
"""

import asyncio
import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from portal.domain.forwarded_event import ForwardedEvent
from portal.forwarding.syslog_message import Dress, encode, frame
from portal.services.ports.forwarding import CollectorUnavailableError
from portal.trust import context_for

CONNECT_S = 10.0
SEND_S = 20.0
VERDICT_S = 0.5
"""A collector that refuses our certificate says so only after the handshake (RFC 8446, 4.4.2): what
was sent by then would be lost."""
_LOOK_EVERY_S = 0.02
_INT = struct.Struct("i")


@dataclass(frozen=True, slots=True)
class Collector:
    """Where the collector is, and how each knows the other. ``ca_file`` None: the system's own."""

    host: str
    port: int = 6514
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what the connection is made with.

        Raises:
            OSError: a file cannot be read, or makes no sense.
        """
        context = context_for(self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.client_certificate_file is not None:
            context.load_cert_chain(self.client_certificate_file, self.client_key_file)
        return context


class SyslogChannel:
    """Implements services.ports.forwarding.Channel."""

    def __init__(self, collector: Collector, dress: Dress) -> None:
        self._collector = collector
        self._context = collector.context()
        self._dress = dress
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, events: Sequence[ForwardedEvent]) -> None:
        """See services.ports.forwarding.Channel."""
        data = b"".join(frame(encode(event, self._dress)) for event in events)
        sent = False
        try:
            reader, writer = await self._connected()
            async with asyncio.timeout(SEND_S):
                writer.write(data)
                await writer.drain()
                await _acknowledged(reader, writer)
            sent = True
        except OSError as problem:  # TimeoutError and ssl.SSLError are such
            raise CollectorUnavailableError(str(problem) or type(problem).__name__) from problem
        finally:
            if not sent:  # half a frame must not meet the next one
                await self.close()

    async def close(self) -> None:
        """Hang up."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()
            with suppress(OSError):
                await streams[1].wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            await self.close()
        if self._streams is None:
            where = self._collector
            async with asyncio.timeout(CONNECT_S):
                self._streams = await asyncio.open_connection(
                    where.host, where.port, ssl=self._context, server_hostname=where.host
                )
            await _welcome(self._streams[0])
        return self._streams


async def _welcome(reader: asyncio.StreamReader) -> None:
    """Wait whether the other side refuses us.

    Raises:
        OSError: it does.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(VERDICT_S):
            if not await reader.read(1):
                raise ConnectionResetError("the collector hung up")


async def _acknowledged(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the other machine has everything.

    Raises:
        ConnectionResetError: it hung up first.
    """
    transport_socket: socket.socket = writer.get_extra_info("socket")
    while True:
        if reader.at_eof() or writer.transport.is_closing():
            raise ConnectionResetError("the collector hung up")
        buffered = writer.transport.get_write_buffer_size()
        if not buffered and not _unacknowledged(transport_socket.fileno()):
            return
        await asyncio.sleep(_LOOK_EVERY_S)


def _unacknowledged(number: int) -> int:
    """Return how many octets the other side has not acknowledged (tcp(7), SIOCOUTQ)."""
    answer = fcntl.ioctl(number, termios.TIOCOUTQ, _INT.pack(0))
    waiting: int = _INT.unpack(answer)[0]
    return waiting
