"""The process behind the lab's internet: DNS, web, echo and download, in one namespace.

Run as `python -m firewall.lab.internet_server CHAIN KEY`; ends when its standard input closes.
Not a web server: it answers the probe table byte for byte, any other host with an ordinary page,
and always closes the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from typing import TYPE_CHECKING, cast

from firewall.lab import dns_wire, internet_names, probes
from firewall.lab.internet import DOWNLOAD_PORT, ECHO_PORT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from firewall.lab.probes import Answer

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEADER_LIMIT = 65536
BODY_LIMIT = 1 << 24
PATIENCE_S = 30.0
DOWNLOAD_STEP_S = 0.01
DOWNLOAD_STEP = b"\0" * 20_000  # 2 MB/s by default: a film, not a benchmark
SO_RCVBUFFORCE = 33  # socket(7): above net.core.rmem_max, with CAP_NET_ADMIN
PATIENT_BUFFER_BYTES = 1 << 24
"""What this process is too busy to read must not look like a loss at the gateway."""
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - the namespace is the whole internet


async def serve(chain: str, key: str) -> None:
    """Serve until standard input closes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    async with contextlib.AsyncExitStack() as servers:
        await _listen(servers, web, 80)
        await _listen(servers, web, 443, context)
        await _listen(servers, dns_over_tcp, 53)
        await _listen(servers, echo, ECHO_PORT)
        await _listen(servers, download, DOWNLOAD_PORT)
        await _datagrams(servers, DnsOverUdp, 53)
        await _datagrams(servers, UdpEcho, ECHO_PORT)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


async def _listen(
    servers: contextlib.AsyncExitStack, handler: Serve, port: int, tls: ssl.SSLContext | None = None
) -> None:
    server = await asyncio.start_server(
        _until_peer_leaves(handler), EVERYWHERE, port, ssl=tls, limit=HEADER_LIMIT, backlog=1024
    )
    await servers.enter_async_context(server)


async def _datagrams(
    servers: contextlib.AsyncExitStack,
    protocol: type[asyncio.DatagramProtocol],
    port: int,
) -> None:
    """One socket for both families: IPv4 peers appear as mapped addresses (RFC 4291, 2.5.5.2)."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(protocol, local_addr=("::", port))
    wire = transport.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, PATIENT_BUFFER_BYTES)
    servers.callback(transport.close)


def _until_peer_leaves(handler: Serve) -> Serve:
    """A peer that goes away, is slow or talks nonsense ends its own connection and nothing else."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError,
            TimeoutError,
            EOFError,
            asyncio.LimitOverrunError,
            ValueError,
            asyncio.CancelledError,  # at the end; Python 3.11 would print it as an error
        ):
            await handler(reader, writer)
        writer.close()

    return guarded


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close."""
    async with asyncio.timeout(PATIENCE_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = dict(_header(line) for line in lines[1:] if ":" in line)
    length = min(int(headers.get("content-length", "0")), BODY_LIMIT)
    async with asyncio.timeout(PATIENCE_S):
        await reader.readexactly(length)
    writer.write(_encode(answer_for(headers.get("host", ""), target), with_body=method != "HEAD"))
    await writer.drain()


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def answer_for(host: str, target: str) -> Answer:
    """The genuine answer of a probe host; /bytes/<n> anywhere gives n zero bytes."""
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 else host
    if (name.lower(), target) in probes.GENUINE:
        return probes.GENUINE[name.lower(), target]
    if target.startswith("/bytes/"):
        count = min(int(target.removeprefix("/bytes/")), BODY_LIMIT)
        return probes.page(bytes(count), kind="application/octet-stream")
    return probes.ordinary_page(name)


def _encode(answer: Answer, *, with_body: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + (answer.body if with_body else b"")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes (RFC 862)."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def download(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Zeros without end, paced; a first line "fast" lifts the pace."""
    fast = False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            fast = (await reader.readline()) == b"fast\n"
    while True:
        writer.write(DOWNLOAD_STEP)
        await writer.drain()
        if not fast:
            await asyncio.sleep(DOWNLOAD_STEP_S)


async def dns_over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer questions with their length in front (RFC 7766) until the peer closes."""
    while True:
        async with asyncio.timeout(PATIENCE_S):
            length = int.from_bytes(await reader.readexactly(2), "big")
            message = await reader.readexactly(length)
        answer = internet_names.answer(dns_wire.decode_question(message))
        writer.write(len(answer).to_bytes(2, "big") + answer)
        await writer.drain()


class DnsOverUdp(asyncio.DatagramProtocol):
    """One question, one answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Answer; nonsense is left without one."""
        with contextlib.suppress(dns_wire.MalformedDnsError):
            self.transport.sendto(internet_names.answer(dns_wire.decode_question(data)), addr)


class UdpEcho(asyncio.DatagramProtocol):
    """Send back what comes (RFC 862)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Echo."""
        self.transport.sendto(data, addr)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
