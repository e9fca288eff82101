"""Looking at the uplink: is there a default route over an interface that carries anything?

Without privileges: the kernel's own tables and one ioctl. Where hosts are named, whether one of
them takes a TCP connection; by default nobody is asked. Fails open: what cannot be read is no
outage, for a banner that is wrong helps nobody.
"""

import asyncio
import fcntl
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_IPV4 = Path("/proc/net/route")
_IPV6 = Path("/proc/net/ipv6_route")

_RTF_UP = 0x0001  # linux/route.h
_RTF_REJECT = 0x0200
_SIOCGIFFLAGS = 0x8913  # linux/sockios.h
_IFF_RUNNING = 0x40  # linux/if.h: the operational state is up

_COLUMNS = 10
"""At least, in both tables."""

ASK_EVERY_S = 10.0
ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class Target:
    """A host that answers when the internet is there."""

    host: str
    port: int


class UplinkProbe:
    """``interfaces`` towards the internet, empty for any; ``targets`` empty for none."""

    def __init__(self, interfaces: Sequence[str], targets: Sequence[Target] = ()) -> None:
        self._interfaces = frozenset(interfaces)
        self._targets = targets
        self._asked_at_s = -ASK_EVERY_S
        self._answered = True

    async def __call__(self) -> bool:
        """Say whether the internet may be reached."""
        return _has_way_out(self._interfaces) and await self._somebody_answers()

    async def _somebody_answers(self) -> bool:
        """Ask every ASK_EVERY_S; between, what was found last holds."""
        now_s = asyncio.get_running_loop().time()
        if self._targets and now_s - self._asked_at_s >= ASK_EVERY_S:
            self._asked_at_s = now_s
            found = await asyncio.gather(*map(_answers, self._targets))
            self._answered = any(found)
        return self._answered


async def _answers(target: Target) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except OSError:
        return False
    writer.close()
    return True


def _has_way_out(wanted: frozenset[str]) -> bool:
    found: set[str] = set()
    for file, read in ((_IPV4, default_routes_v4), (_IPV6, default_routes_v6)):
        with suppress(FileNotFoundError):
            found |= read(file.read_text(encoding="ascii"))
    usable = found & wanted if wanted else found
    return any(is_running(name) for name in usable)


def default_routes_v4(table: str) -> set[str]:
    """Return the interfaces of the default routes in /proc/net/route (proc(5))."""
    return _matching(table, lambda f: (f[1], f[7]) == ("0" * 8, "0" * 8), name=0, flags=3)


def default_routes_v6(table: str) -> set[str]:
    """Return the interfaces of the default routes in /proc/net/ipv6_route (proc(5))."""
    return _matching(table, lambda f: (f[0], f[1]) == ("0" * 32, "00"), name=9, flags=8)


def _matching(
    table: str, is_default: Callable[[list[str]], bool], *, name: int, flags: int
) -> set[str]:
    rows = [fields for line in table.splitlines() if len(fields := line.split()) >= _COLUMNS]
    return {f[name] for f in rows if is_default(f) and _leads_somewhere(f[flags])}


def _leads_somewhere(flags: str) -> bool:
    number = int(flags, 16)
    return bool(number & _RTF_UP) and not number & _RTF_REJECT


def is_running(interface: str) -> bool:
    """Say whether the interface is up and has a carrier; True where the kernel does not tell."""
    request = struct.pack("16sh", interface.encode()[:15], 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            answer = fcntl.ioctl(asker, _SIOCGIFFLAGS, request.ljust(40, b"\0"))
        except OSError:
            return True
    return bool(struct.unpack_from("16sh", answer)[1] & _IFF_RUNNING)
