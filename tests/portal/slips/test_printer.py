"""The door to a network printer, against printers that do what printers do."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from portal.slips.printer import Printer, PrinterError

SLIP = bytes(range(256)) * 400
"""About what a slip of 80 mm takes."""

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def printer_that(behaves: Behaviour, **waits: float) -> AsyncIterator[Printer]:
    server = await asyncio.start_server(behaves, "127.0.0.1", 0, limit=1024)
    host, port = server.sockets[0].getsockname()
    # a printer has little room: the kernel's own would hide that it stopped reading
    server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    try:
        yield Printer(host, port, **waits)
    finally:
        server.close()


class Paper:
    """A printer that prints: takes everything, and hangs up when we do."""

    def __init__(self, *, hangs_up: bool = True) -> None:
        self.jobs: list[bytes] = []
        self.hangs_up = hangs_up
        self.is_printing = False
        self.over = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert not self.is_printing
        self.is_printing = True
        writer.write(b"\x12\x12\x12\x12")  # a state that nobody asked for
        self.jobs.append(await reader.read(-1))
        self.is_printing = False
        if not self.hangs_up:
            await self.over.wait()
        writer.close()


async def test_all_bytes_arrive() -> None:
    paper = Paper()
    async with printer_that(paper) as printer:
        await printer.send(SLIP)
    assert paper.jobs == [SLIP]


async def test_two_desks_print_one_after_the_other() -> None:
    paper = Paper()
    async with printer_that(paper) as printer:
        await asyncio.gather(printer.send(b"one" * 9999), printer.send(b"two" * 9999))
    assert sorted(paper.jobs) == [b"one" * 9999, b"two" * 9999]


async def test_a_printer_that_never_hangs_up_has_printed() -> None:
    paper = Paper(hangs_up=False)
    async with printer_that(paper, farewell_s=0.05) as printer:
        await printer.send(SLIP)
        paper.over.set()
    assert paper.jobs == [SLIP]


async def test_a_printer_without_paper_is_noticed() -> None:
    over = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        await over.wait()
        writer.transport.abort()

    async with printer_that(behave, send_s=0.3) as printer:
        with pytest.raises(PrinterError, match="paper"):
            await printer.send(SLIP * 5)
        over.set()


async def test_a_slow_printer_is_waited_for() -> None:
    got = bytearray()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(4096):
            got.extend(part)
            await asyncio.sleep(0.001)
        writer.close()

    async with printer_that(behave) as printer:
        await printer.send(SLIP)
    assert bytes(got) == SLIP


async def test_a_printer_that_hangs_up_in_between_has_not_printed() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with printer_that(behave) as printer:
        with pytest.raises(PrinterError, match="hung up"):
            await printer.send(SLIP)


async def test_a_printer_that_is_off_is_told() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        printer = Printer(*nobody.getsockname())
        with pytest.raises(PrinterError, match="cannot be reached"):
            await printer.send(SLIP)


async def test_a_printer_that_does_not_answer_is_not_waited_for() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.settimeout(0)
            second.connect_ex(address)  # the queue is full: further connections get no answer
            printer = Printer(*address, connect_s=0.3)
            with pytest.raises(PrinterError, match="did not answer"):
                await printer.send(SLIP)


async def test_after_a_fault_the_next_slip_is_sent() -> None:
    paper, first = Paper(), [True]

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if first.pop() if first else False:
            writer.transport.abort()
        else:
            await paper(reader, writer)

    async with printer_that(behave) as printer:
        with pytest.raises(PrinterError):
            await printer.send(SLIP * 20)
        await printer.send(SLIP)
    assert paper.jobs == [SLIP]
