"""The floor of a login: one committed row, one set element, one HTTP answer over TLS. No more.

Not a portal: it believes everybody. What a login on this machine cannot do without, in the same
language, on the same PostgreSQL, event loop, TLS library and netlink client.
Run as ``python -m bench.floor '{"dsn": …, "chain": …, "key": …, "preload": N}'`` in a gateway.
"""

import asyncio
import json
import re
import ssl
import sys
from typing import Any

import asyncpg
import uvloop

from firewall.elements import Add, Change, Delete, Element, SetName
from firewall.nft import Nftables, RuleText

ADMITTED = SetName("inet", "floor", "admitted")
MARK = 0x1_0001
RULES = """
table inet floor {
  map admitted { type ether_addr : mark; size 32767; flags timeout; counter; }
  chain admit {
    type filter hook prerouting priority -150; policy accept;
    iifname "guest0" meta mark set ether saddr map @admitted
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname "guest0" meta mark 0 drop
  }
  chain translate {
    type nat hook postrouting priority 100; policy accept;
    iifname "guest0" masquerade
  }
}
"""
TABLE = "CREATE TABLE IF NOT EXISTS bench_floor (mac text, at timestamptz DEFAULT now())"
INSERT = "INSERT INTO bench_floor (mac) VALUES ($1)"
_ANSWER = b"HTTP/1.1 303 See Other\r\nLocation: /status\r\nContent-Length: 0\r\n\r\n"
_BODY = re.compile(rb"\r\n\r\n(log(?:in|out))=([0-9a-f:]{17})\Z")
_LIFETIME_MS = 3_600_000


def preloaded_mac(number: int) -> str:
    """Return the MAC address of a device that was let in before the measurement."""
    return f"06:00:00:{number >> 16 & 0xFF:02x}:{number >> 8 & 0xFF:02x}:{number & 0xFF:02x}"


def key_of(mac: str) -> bytes:
    """Return the address as nftables has it."""
    return bytes.fromhex(mac.replace(":", ""))


class Answering(asyncio.Protocol):
    """One connection of a phone."""

    def __init__(self, work: "Work") -> None:
        self._work = work
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Begin on a whole form; its end is known without reading the head."""
        self._data += data
        found = _BODY.search(self._data)
        if found is not None:
            self._data = b""
            self._work.begin(self._transport, found[1] == b"login", found[2].decode())


class Work:
    """The one row and the one element."""

    def __init__(self, connection: asyncpg.Connection, nftables: Nftables) -> None:
        self._connection = connection
        self._nftables = nftables
        self._group = asyncio.TaskGroup()

    async def serve(self, context: ssl.SSLContext) -> None:
        """Serve until cancelled."""
        loop = asyncio.get_running_loop()
        async with self._group:
            server = await loop.create_server(lambda: Answering(self), "0.0.0.0", 443, ssl=context)  # noqa: S104
            print("ready", flush=True)
            await server.serve_forever()

    def begin(self, transport: asyncio.Transport, is_login: bool, mac: str) -> None:
        """Answer one form in a task of its own."""
        self._group.create_task(self._answer(transport, is_login, mac))

    async def _answer(self, transport: asyncio.Transport, is_login: bool, mac: str) -> None:
        change: Change = Delete(ADMITTED, (key_of(mac),))
        if is_login:
            await self._connection.fetch(INSERT, mac)
            element = Element(key_of(mac), mark=MARK, timeout_ms=_LIFETIME_MS)
            change = Add(ADMITTED, (element,), counted=True)
        self._nftables.change([change])
        transport.write(_ANSWER)


def preload(nftables: Nftables, count: int) -> None:
    """Let so many devices in."""
    for first in range(0, count, 500):
        macs = [preloaded_mac(number) for number in range(first, min(count, first + 500))]
        elements = tuple(Element(key_of(m), mark=MARK, timeout_ms=_LIFETIME_MS) for m in macs)
        nftables.change([Add(ADMITTED, elements, counted=True)])


async def main(given: dict[str, Any]) -> None:
    """Put up the rules, connect and serve."""
    RuleText().apply(RULES)
    nftables = Nftables()
    preload(nftables, given["preload"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given["chain"], given["key"])
    connection = await asyncpg.connect(given["dsn"])
    await connection.execute(TABLE)
    await Work(connection, nftables).serve(context)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(json.loads(sys.argv[1])))
