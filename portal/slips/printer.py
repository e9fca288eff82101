"""A thermal printer on the network: takes bytes on TCP port 9100 ("raw" or "JetDirect" printing).

Not what is printed (escpos.py). It fails harmlessly: a code that was not printed stands all the
same, and the desk shows it on a screen or prints it from the browser. The protocol has no answer,
so "sent" means that the printer has taken every byte.
"""

import asyncio
import socket
from contextlib import suppress

PORT = 9100
CONNECT_S = 3.0
SEND_S = 20.0
"""A long slip on a slow printer; one without paper stops reading."""
FAREWELL_S = 2.0
"""How long the printer may take to hang up; many never do."""
_SMALL_BUFFER_BYTES = 4096
"""What the kernel may hold for us: the rest is seen to be taken."""


class PrinterError(Exception):
    """The printer did not take what was sent: the text says how far it got."""


class Printer:
    """One printer. What two desks send at once comes out one after the other."""

    def __init__(
        self,
        host: str,
        port: int = PORT,
        *,
        connect_s: float = CONNECT_S,
        send_s: float = SEND_S,
        farewell_s: float = FAREWELL_S,
    ) -> None:
        self._address = (host, port)
        self._connect_s = connect_s
        self._send_s = send_s
        self._farewell_s = farewell_s
        self._turn = asyncio.Lock()

    async def send(self, data: bytes) -> None:
        """Send bytes and see that they are taken.

        Raises:
            PrinterError: they were not, or not all of them.
        """
        async with self._turn:
            reader, writer = await self._connect()
            try:
                await self._hand_over(reader, writer, data)
            finally:
                writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(self._connect_s):
                return await asyncio.open_connection(*self._address)
        except TimeoutError as problem:
            raise PrinterError(f"the printer did not answer in {self._connect_s:g} s") from problem
        except OSError as problem:
            raise PrinterError(f"the printer cannot be reached: {problem.strerror}") from problem

    async def _hand_over(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
    ) -> None:
        _keep_little(writer)
        try:
            async with asyncio.timeout(self._send_s):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
            await self._until_it_hangs_up(reader)
        except TimeoutError as problem:
            raise PrinterError("the printer stopped taking data; is there paper?") from problem
        except OSError as problem:
            raise PrinterError("the printer hung up before the end") from problem

    async def _until_it_hangs_up(self, reader: asyncio.StreamReader) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._farewell_s):
                while await reader.read(1024):  # some tell their state, unasked
                    pass


def _keep_little(writer: asyncio.StreamWriter) -> None:
    writer.transport.set_write_buffer_limits(0)
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SMALL_BUFFER_BYTES)
