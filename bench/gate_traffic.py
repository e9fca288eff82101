"""What the gate costs packets: throughput and new connections, beside plain NAT.

Not the cost of changes (gate_changes.py). Packets have the size they have on a wire (segmentation
off-load off), because a gate works per packet; all labs take turns, and ratios are what counts.
"""

import ctypes
import fcntl
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

from bench.gate_labs import GateLab
from bench.namespaces import inside
from bench.rows import Row, median
from firewall.lab import addressing, processes
from firewall.lab.processes import Namespace

IPERF_PORT, CONNECTIONS_PORT = 5201, 8003
START_TIMEOUT_S = 20.0
LEAST_DOWN, LEAST_UP = 0.90, 0.85
"""Goals: at most so much less than plain NAT. New connections: as up."""

_SIOCETHTOOL = 0x8946
_SWITCHES_OFF = (0x1F, 0x24, 0x2C)  # ETHTOOL_STSO, SGSO, SGRO of linux/ethtool.h


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of traffic, and the least it may be in terms of plain NAT's."""

    name: str
    unit: str
    least: float
    run: Callable[[GateLab], float]


def measure_traffic(labs: Sequence[GateLab], rounds: int, seconds: float) -> list[Row]:
    """Measure all labs in turns; the last one is the peer."""
    kinds = (
        Kind("TCP down", "Gbit/s", LEAST_DOWN, lambda lab: _iperf(lab, seconds, "-R")),
        Kind("TCP up", "Gbit/s", LEAST_UP, lambda lab: _iperf(lab, seconds)),
        Kind("new connections", "1/s", LEAST_UP, lambda lab: _connect(lab, seconds)),
    )
    with ExitStack() as stack:
        for lab in labs:
            stack.enter_context(_prepared(lab))
        found = {(kind, lab.name): list[float]() for kind in kinds for lab in labs}
        for number in range(rounds):
            for kind in kinds:
                for lab in _rotated(labs, number):
                    found[kind, lab.name].append(kind.run(lab))
    return [
        _row(kind, lab, found[kind, lab.name], found[kind, labs[-1].name])
        for kind in kinds
        for lab in labs[:-1]
    ]


def _rotated(labs: Sequence[GateLab], number: int) -> list[GateLab]:
    """Begin with another lab each round, so that none has always the same predecessor."""
    first = number % len(labs)
    return [*labs[first:], *labs[:first]]


def _row(kind: Kind, lab: GateLab, values: list[float], peers: list[float]) -> Row:
    """The ratio is that of the medians; single runs on a shared machine differ by a quarter."""
    value, peer = median(values), median(peers)
    goal = f"ratio >= {kind.least:.2f}"
    return Row(
        f"{kind.name}, {lab.name}", value, kind.unit, None, "plain NAT", peer,
        goal=goal, holds=value >= kind.least * peer, runs=len(values),
    )  # fmt: skip


@contextmanager
def _prepared(lab: GateLab) -> Iterator[None]:
    internet = lab.lab.internet.namespace
    phone = lab.lab.phones[0].namespace
    _switch_off_loads(phone, addressing.PHONE_INTERFACE)
    _switch_off_loads(internet, addressing.INTERNET_INTERFACE)
    iperf = internet.spawn(["iperf3", "-s", "-p", str(IPERF_PORT)], stdout=subprocess.DEVNULL)
    server = [sys.executable, "-m", "bench.connections", "server", str(CONNECTIONS_PORT)]
    accepting = internet.spawn(server)
    try:
        _wait_for(lab, IPERF_PORT)
        _wait_for(lab, CONNECTIONS_PORT)
        yield
    finally:
        processes.stop(iperf)
        processes.stop(accepting)


def _wait_for(lab: GateLab, port: int) -> None:
    deadline = monotonic() + START_TIMEOUT_S
    while lab.lab.phones[0].tcp_connect(addressing.WAN.far_v4, port).outcome != "connected":
        if monotonic() > deadline:
            raise processes.LabError(f"{lab.name}: nobody answers on port {port}")
        sleep(0.05)


def _switch_off_loads(namespace: Namespace, interface: str) -> None:
    control = inside(namespace.name, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with control:
        for command in _SWITCHES_OFF:
            off = ctypes.create_string_buffer(struct.pack("II", command, 0))  # ethtool_value
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(off))  # ifreq
            fcntl.ioctl(control, _SIOCETHTOOL, request)


def _iperf(lab: GateLab, seconds: float, *flags: str) -> float:
    target = ["-c", addressing.WAN.far_v4, "-p", str(IPERF_PORT)]
    # whole seconds only: iperf3 takes 0 for "until the end of time"
    command = ["iperf3", *target, "-J", "-t", str(max(1, round(seconds))), *flags]
    done = lab.lab.phones[0].namespace.run(command)
    return float(json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e9


def _connect(lab: GateLab, seconds: float) -> float:
    client = ["client", str(CONNECTIONS_PORT), str(seconds)]
    done = lab.lab.phones[0].namespace.run([sys.executable, "-m", "bench.connections", *client])
    return float(done.stdout)
