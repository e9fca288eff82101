"""What it costs the agent to hear devices and to ask them: in a flood, beside traffic, at rest.

Not the packets' own way (gate_traffic.py). Processor time of the agent's process as the kernel
counts it; the same time at rest, and the mere sending of the same frames, are the floors.
"""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.floor import key_of, preloaded_mac
from bench.gate_labs import GateLab
from bench.namespaces import inside
from bench.rows import Row
from firewall.client import GateClient
from firewall.prober import FRAMES_PER_SECOND

FLOOD_PER_SECOND = 50_000
_CREDENTIALS = struct.Struct("=iII")
_TICKS = os.sysconf("SC_CLK_TCK")
_GOAL = "at most 10 % of a core"
_ASK_GOAL = "ratio <= 3"


def measure_hearing(gate: GateLab, seconds: float, asked: int) -> list[Row]:
    """Flood the gate with ARP, then with plain packets; then ask ``asked`` devices."""
    agent, phone = _Agent(gate.socket), _Phone(gate)
    rest = agent.share(lambda: time.sleep(seconds))
    floods = (
        ("ARP of as many invented devices", [_arp(_invented(n), n) for n in range(20_000)]),
        ("ARP of one device", [_arp(phone.mac, 1)]),
        ("datagrams, which are not for its ears", [_datagram(phone.mac)]),
    )
    count = int(FLOOD_PER_SECOND * seconds)
    told = [_flood(agent, phone, frames, count, what) for what, frames in floods]
    rows = [Row(what, share, "%", rest, goal=_GOAL, holds=share <= 10) for what, share in told]
    rows.append(asyncio.run(_ask(gate, agent, phone, asked, rest)))
    phone.socket.close()
    return rows


class _Agent:
    """The gate's process, as the kernel counts its processor time."""

    def __init__(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            data = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self._stat = Path(f"/proc/{_CREDENTIALS.unpack(data)[0]}/stat")

    def processor_s(self) -> float:
        """Return the processor time taken since its start."""
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS  # proc(5): utime, stime

    def share(self, work: Callable[[], object]) -> float:
        """Return the percentage of a core that it takes while something is done."""
        before, began = self.processor_s(), time.perf_counter()
        work()
        return (self.processor_s() - before) / (time.perf_counter() - began) * 100


class _Phone:
    """The lab's phone, as a socket that sends whole frames."""

    def __init__(self, gate: GateLab) -> None:
        phone = gate.lab.phones[0]
        self.mac = key_of(phone.mac)
        self.socket = inside(
            phone.namespace.name, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        )
        self.socket.bind(("wlan0", 0))

    def send(self, frames: Sequence[bytes], per_second: float, count: int) -> float:
        """Send so many at that pace; return how many a second it really were."""
        began = time.perf_counter()
        for number in range(count):
            if number % 50 == 0:
                time.sleep(max(0.0, began + number / per_second - time.perf_counter()))
            self.socket.send(frames[number % len(frames)])
        return count / (time.perf_counter() - began)


def _flood(
    agent: _Agent, phone: _Phone, frames: Sequence[bytes], count: int, what: str
) -> tuple[str, float]:
    pace: list[float] = []
    share = agent.share(lambda: pace.append(phone.send(frames, FLOOD_PER_SECOND, count)))
    return f"hearing: the agent's share of a core, {pace[0]:,.0f} frames a second, {what}", share


async def _ask(gate: GateLab, agent: _Agent, phone: _Phone, count: int, rest: float) -> Row:
    """Let the agent hear ``count`` devices first, so that it knows their addresses."""
    count = min(count, (gate.devices or 1) - 1)
    macs = [preloaded_mac(number) for number in range(count)]
    frames = [_arp(key_of(mac), number) for number, mac in enumerate(macs)]
    before = time.process_time()
    phone.send(frames, 2_000, count)
    sending = time.process_time() - before
    async with GateClient(gate.socket) as client:
        before, began = agent.processor_s(), time.perf_counter()
        asked = await client.probe(macs)
        await asyncio.sleep(asked / FRAMES_PER_SECOND + 0.1)
        idle = rest / 100 * (time.perf_counter() - began)
        took = max(0.0, agent.processor_s() - before - idle)
    scale = 10_000 / max(1, asked)
    return Row(
        f"asking: the agent's processor time for 10,000 devices, from {asked:,}",
        took * scale,
        "s",
        sending * scale,
        goal=_ASK_GOAL,
        holds=took <= 3 * sending,
    )


def _invented(number: int) -> bytes:
    return struct.pack("!HI", 0x0A01, number)


def _arp(mac: bytes, number: int) -> bytes:
    own = struct.pack("!BBH", 10, 200, number & 0xFFFF)
    head = b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
    return head + mac + own + bytes(6) + own


def _datagram(mac: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + bytes(4) + b"\xff" * 4
    return b"\xff" * 6 + mac + b"\x08\x00" + head + struct.pack("!HHHH", 1024, 9, 8, 0)
