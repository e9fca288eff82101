"""One admission and one expulsion, a reconcile, a reading: at the socket and in the kernel.

Not traffic (gate_traffic.py). The kernel's own time, by the element client alone in tables of
the gate's make, is the floor of the same verb at the agent's socket. The agent numbers devices with
15 bits, so 100,000 are measured in the kernel alone.
"""

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from bench.floor import key_of, preloaded_mac
from bench.gate_labs import EIGHT_HOURS_S, GateLab
from bench.namespaces import inside
from bench.rows import Row, median, percentile
from firewall.client import GateClient
from firewall.device_elements import ADMITTED, DOWNLOADS
from firewall.elements import Add, Change, Delete, Element, SetName
from firewall.nft import Nftables

_MARK = 0x1_0001
_LIFETIME_MS = int(EIGHT_HOURS_S * 1000)
_BATCH = 500
_NOBODY_LISTENS = 8009
_CONNECTION_COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")
_NEW_MAC = "0a:00:00:00:00:01"
_TABLES = """
table inet {name} {{
  map admitted {{ type ether_addr : mark; size {size}; flags timeout; counter; }}
}}
table netdev {name} {{
  set downloads {{ type ether_addr; size {size}; flags timeout; counter; }}
}}
"""


class Sets:
    """The two sets of a gate, with so many devices, in a table that no rule looks into."""

    def __init__(self, namespace: str, devices: int) -> None:
        self.namespace = namespace
        self.devices = devices
        self.table = f"bench_{devices}"
        self.admitted = SetName("inet", self.table, "admitted")
        self.downloads = SetName("netdev", self.table, "downloads")
        self.nftables = inside(namespace, Nftables)
        self._run_nft(_TABLES.format(name=self.table, size=devices + 1000))
        for first in range(0, devices, _BATCH):
            last = min(devices, first + _BATCH)
            self.add([preloaded_mac(number) for number in range(first, last)])

    def add(self, macs: Sequence[str]) -> None:
        """Let devices in, as the gate does: both sets in one transaction."""
        up = tuple(Element(key_of(m), mark=_MARK, timeout_ms=_LIFETIME_MS) for m in macs)
        down = tuple(Element(key_of(m), timeout_ms=_LIFETIME_MS) for m in macs)
        adds: list[Change] = [Add(self.admitted, up, counted=True)]
        self.nftables.change([*adds, Add(self.downloads, down, counted=True)])

    def delete(self, mac: str) -> None:
        """Put a device out, and read its final counters."""
        key = (key_of(mac),)
        self.nftables.change([Delete(self.admitted, key), Delete(self.downloads, key)])

    def add_by_nft(self) -> None:
        """Let one device in by starting nft, as most portals do."""
        element = f"{{ {_NEW_MAC} timeout 8h : {_MARK} }}"
        self._run_nft(f"add element inet {self.table} admitted {element}\n")

    def _run_nft(self, text: str) -> None:
        inside(
            self.namespace,
            lambda: subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True),
        )

    def close(self) -> None:
        """Let the socket go; the tables go with the namespace."""
        self.nftables.close()


def measure_changes(
    gates: Sequence[GateLab], namespace: str, sizes: Sequence[int], turns: int
) -> list[Row]:
    """Time one change at a time, all sizes in turns. ``namespace`` is nobody's gate."""
    sets = {size: Sets(namespace, size) for size in sizes}
    floors = _time_elements(list(sets.values()), turns)
    peers = _time_nft(list(sets.values()), max(2, turns // 20))
    verbs = asyncio.run(_time_verbs(gates, turns))
    for each in sets.values():
        each.close()
    rows = [
        _row(f"{verb} at the socket, {size:,} devices", times, floors[verb, size])
        for (verb, size), times in verbs.items()
    ]
    for (verb, size), times in floors.items():
        peer = peers[size] if verb == "admit" else None
        rows.append(_row(f"{verb} in the kernel alone, {size:,} devices", times, None, peer))
    return rows


def _row(
    what: str, times: list[float], floor: list[float] | None, peer: list[float] | None = None
) -> Row:
    return Row(
        f"{what}, median (p99 {percentile(times, 99):.0f})",
        median(times),
        "us",
        None if floor is None else median(floor),
        None if peer is None else "starting nft",
        None if peer is None else median(peer),
        runs=len(times),
    )


Times = dict[tuple[str, int], list[float]]


def _time_elements(sets: Sequence[Sets], turns: int) -> Times:
    times: Times = {(verb, each.devices): [] for verb in ("admit", "expel") for each in sets}
    for _ in range(turns):
        for each in sets:
            time.sleep(0.002)
            times["admit", each.devices].append(_microseconds(partial(each.add, [_NEW_MAC])))
            times["expel", each.devices].append(_microseconds(partial(each.delete, _NEW_MAC)))
    return times


def _time_nft(sets: Sequence[Sets], turns: int) -> dict[int, list[float]]:
    times: dict[int, list[float]] = {each.devices: [] for each in sets}
    for _ in range(turns):
        for each in sets:
            times[each.devices].append(_microseconds(each.add_by_nft))
            each.nftables.change([Delete(each.admitted, (key_of(_NEW_MAC),))])
    return times


async def _time_verbs(gates: Sequence[GateLab], turns: int) -> Times:
    sizes = [gate.devices or 0 for gate in gates]
    times: Times = {(verb, size): [] for verb in ("admit", "expel") for size in sizes}
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(GateClient(gate.socket)) for gate in gates]
        for _ in range(turns):
            for size, client in zip(sizes, clients, strict=True):
                await asyncio.sleep(0.002)
                began = time.perf_counter()
                await client.admit(_NEW_MAC, EIGHT_HOURS_S)
                admitted = time.perf_counter()
                await client.expel(_NEW_MAC)
                times["admit", size].append((admitted - began) * 1e6)
                times["expel", size].append((time.perf_counter() - admitted) * 1e6)
    return times


def measure_whole(gate: GateLab, turns: int) -> list[Row]:
    """Time what the keeper asks for all devices at once: a comparison, and all counters."""
    nftables = inside(gate.lab.gateway.name, Nftables)
    dumps = [_microseconds(lambda: nftables.dump(ADMITTED, DOWNLOADS)) / 1000 for _ in range(turns)]
    nftables.close()
    same, anew, usage = asyncio.run(_time_whole(gate, turns))
    size = f"{gate.devices:,} devices"
    return [
        Row(f"reconcile, {size}, nothing to change", median(same), "ms", runs=turns),
        Row(f"reconcile, {size}, half of them new", median(anew), "ms", runs=len(anew)),
        Row(f"read all counters at the socket, {size}", median(usage), "ms", median(dumps),
            runs=turns),
    ]  # fmt: skip


async def _time_whole(gate: GateLab, turns: int) -> tuple[list[float], list[float], list[float]]:
    same, anew, usage = [], [], []
    ends_at = time.monotonic() + EIGHT_HOURS_S
    async with GateClient(gate.socket) as client:
        await client.reconcile(gate.wishes(ends_at))
        for _ in range(turns):
            wishes = gate.wishes(ends_at)
            began = time.perf_counter()
            await client.reconcile(wishes)
            compared = time.perf_counter()
            await client.usage()
            usage.append((time.perf_counter() - compared) * 1000)
            same.append((compared - began) * 1000)
        for _ in range(max(1, turns // 5)):
            wishes = gate.wishes(ends_at)
            await client.reconcile(wishes[: len(wishes) // 2])
            began = time.perf_counter()
            await client.reconcile(wishes)
            anew.append((time.perf_counter() - began) * 1000)
    return same, anew, usage


def measure_beside_connections(gate: GateLab, connections: int, turns: int) -> list[Row]:
    """Time one change while so many connections stand: the kernel walks them all to delete some."""
    _open_connections(gate, connections)
    found = inside(gate.lab.gateway.name, lambda: int(_CONNECTION_COUNT.read_text()))
    times = asyncio.run(_time_verbs([gate], turns))
    return [
        _row(f"{verb} at the socket, {found:,} connections", values, None)
        for (verb, _), values in times.items()
    ]


def _open_connections(gate: GateLab, count: int) -> None:
    """Send one datagram each to so many addresses and ports; the kernel remembers them for 30 s."""
    phone = inside(
        gate.lab.phones[0].namespace.name, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    )
    with phone:
        for number in range(count):
            phone.sendto(b"", (f"198.18.{number // 250 % 250}.{number % 250 + 1}", _NOBODY_LISTENS))


def _microseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e6
