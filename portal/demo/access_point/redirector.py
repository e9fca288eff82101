"""What a held device gets on port 80: a redirect to the address that came with the Accept.

Not a web server: one answer a connection. As Cisco's controllers do, it appends
``&redirect_url=`` and the address that was asked for.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

HEAD_MAX_OCTETS = 16_384
PATIENCE_S = 10.0

_NOBODY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

UrlOf = Callable[[str], str | None]


async def serve(port: int, url_of: UrlOf) -> asyncio.Server:
    """Answer on every address; `url_of` gives a device's own address of the portal by its MAC."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                peer = writer.get_extra_info("peername")[0]
                writer.write(response(head, url_of(mac_of(peer))))
                await writer.drain()
        writer.close()

    return await asyncio.start_server(
        answer,
        "0.0.0.0",  # noqa: S104 - a namespace of its own
        port,
        limit=HEAD_MAX_OCTETS,
    )


def response(head: bytes, url: str | None) -> bytes:
    """PURE: the whole answer to a request; without a URL nothing is known of the device yet."""
    if url is None:
        return _NOBODY
    asked = quote(requested(head), safe="")
    location = f"{url}&redirect_url={asked}"
    return (
        f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nCache-Control: no-store\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


def requested(head: bytes) -> str:
    """PURE: the address that was asked for, as far as it can be read."""
    first, *fields = head.decode("latin-1").split("\r\n")
    path = first.split(" ")[1] if first.count(" ") >= 2 else "/"
    host = next((line[5:].strip() for line in fields if line[:5].lower() == "host:"), "")
    return f"http://{host}{path}"


def mac_of(address: str, table: Path = Path("/proc/net/arp")) -> str:
    """Return the MAC address behind an address on the air, empty where nobody is known."""
    for line in table.read_text().splitlines()[1:]:
        words = line.split()
        if words[0] == address:
            return words[3]
    return ""
