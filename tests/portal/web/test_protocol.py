"""Half-sent heads, idle connections and floods: what stands in front of the parser."""

import asyncio
import contextlib
import logging
import time

import pytest
import uvloop

from portal.web import serving
from tests.portal.web.portal_under_test import (
    FakeGuest,
    Portal,
    exchange,
    get,
    running_portal,
)
from tests.ports import free_port

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(portal: Portal, sent: bytes = b"") -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", portal.plain_port)
    writer.write(sent)
    return reader, writer


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Wait until the server closes, whatever it says before."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(60):
            await reader.read(-1)
    return True


@pytest.mark.parametrize(
    "sent",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: a\r\nX-A", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n"],
)
async def test_a_head_that_never_ends_is_closed_at_the_deadline(sent: bytes) -> None:
    async with running_portal(FakeGuest(), head_deadline_s=0.2) as portal:
        reader, writer = await connect(portal, sent)
        assert await is_closed(reader)
        writer.transport.abort()


async def test_dripping_bytes_buys_no_time() -> None:
    async with running_portal(FakeGuest(), head_deadline_s=0.2) as portal:
        reader, writer = await connect(portal, b"GET / HTTP/1.1\r\n")
        closing = asyncio.ensure_future(is_closed(reader))
        while not closing.done():
            with contextlib.suppress(ConnectionError):
                writer.write(b"X: 1\r\n")
                await writer.drain()
            await asyncio.wait([closing], timeout=0.02)
        assert closing.result()
        writer.transport.abort()


async def test_a_kept_connection_is_closed_when_nothing_follows() -> None:
    async with running_portal(FakeGuest(), head_deadline_s=0.2) as portal:
        reader, writer = await connect(portal, b"GET /help HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: close" not in head
        assert await is_closed(reader)
        writer.transport.abort()


async def test_an_answer_that_takes_longer_than_the_head_deadline_arrives() -> None:
    class Slow(FakeGuest):
        released = asyncio.Event()

        async def identify(self, ip: str) -> object:  # type: ignore[override]
            await self.released.wait()
            return await super().identify(ip)

    guest = Slow()
    async with running_portal(guest, head_deadline_s=0.1) as portal:
        reader, writer = await connect(portal, get("/"))
        loop = asyncio.get_running_loop()
        loop.call_later(0.4, guest.released.set)
        async with asyncio.timeout(60):
            assert b" 200 OK" in await reader.readline()
        writer.transport.abort()


async def test_several_requests_on_one_connection() -> None:
    async with running_portal(FakeGuest()) as portal:
        one = b"GET /help HTTP/1.1\r\nHost: localhost\r\n\r\n"
        reader, writer = await connect(portal, one * 5 + get("/help"))
        async with asyncio.timeout(60):
            raw = await reader.read(-1)
        writer.transport.abort()
    assert raw.count(b"HTTP/1.1 200 OK") == 6


# T35: when every place is taken by half-sent heads, an honest guest still gets one.
async def test_who_waits_longest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_affordable_connections", lambda: 50)
    async with running_portal(FakeGuest()) as portal:
        idle = [await connect(portal, b"GET / HTTP/1.1\r\n") for _ in range(200)]
        answers = [await exchange(portal.plain_port, get("/")) for _ in range(20)]
        assert [answer.status for answer in answers] == [200] * 20
        assert await is_closed(idle[0][0])
        for _, writer in idle:
            writer.transport.abort()


async def test_a_request_under_way_never_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_affordable_connections", lambda: 16)

    class Held(FakeGuest):
        released = asyncio.Event()

        async def identify(self, ip: str) -> object:  # type: ignore[override]
            await self.released.wait()
            return await super().identify(ip)

    guest = Held()
    async with running_portal(guest) as portal:
        reader, writer = await connect(portal, get("/"))
        idle = [await connect(portal, b"GET") for _ in range(60)]
        guest.released.set()
        async with asyncio.timeout(60):
            assert b" 200 OK" in await reader.readline()
        for _, other in [*idle, (reader, writer)]:
            other.transport.abort()


async def test_two_thousand_half_heads_leave_the_log_small(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    begun = time.monotonic()
    async with running_portal(FakeGuest()) as portal:
        for _ in range(20):
            streams = [await connect(portal, b"\x00 broken\r\n\r\n") for _ in range(100)]
            for _, writer in streams:
                writer.transport.abort()
        assert (await exchange(portal.plain_port, get("/"))).status == 200
        written = sum(len(record.getMessage()) + 60 for record in caplog.records)
    assert written <= 10_000 + 1000 * (time.monotonic() - begun)


async def test_what_was_sent_stands_neither_in_log_nor_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running_portal(FakeGuest()) as portal:
        request = b"POST /card?pin=73519 HTTP/1.1\r\nHost: localhost\r\nX: 73519\0\r\n\r\n73519"
        answer = await exchange(portal.plain_port, request)
    assert answer.status == 400
    assert "73519" not in answer.body
    assert "73519" not in caplog.text


async def test_closing_down_lets_an_answer_end() -> None:
    class Held(FakeGuest):
        entered = asyncio.Event()
        released = asyncio.Event()

        async def identify(self, ip: str) -> object:  # type: ignore[override]
            self.entered.set()
            await self.released.wait()
            return await super().identify(ip)

    guest = Held()
    async with running_portal(guest) as portal:
        reader, writer = await connect(portal, get("/"))
        await guest.entered.wait()
        asyncio.get_running_loop().call_later(0.2, guest.released.set)
    async with asyncio.timeout(60):
        assert b" 200 OK" in await reader.readline()
    writer.transport.abort()


async def test_ipv4_and_ipv6_have_sockets_of_their_own() -> None:
    port = free_port()
    both = serving.bind_sockets([("0.0.0.0", port), ("::", port)])  # noqa: S104 - a test
    assert [sock.getsockname()[1] for sock in both] == [port, port]
    both[1].listen()
    with pytest.raises(OSError, match="in use"):
        serving.bind_sockets([("127.0.0.1", 0), ("::", port)])
    for sock in both:
        sock.close()


def test_the_deadline_holds_on_uvloop_too() -> None:
    async def half_a_head() -> None:
        async with running_portal(FakeGuest(), head_deadline_s=0.2) as portal:
            reader, writer = await connect(portal, b"GET / HT")
            assert await is_closed(reader)
            writer.transport.abort()
            assert (await exchange(portal.plain_port, get("/"))).status == 200

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(half_a_head())
