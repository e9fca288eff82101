"""What one small packet costs on its way through a gateway, beside plain NAT.

Not throughput (gate_traffic.py), and steadier: the whole path of a packet runs in the sender's
own system call, so the quickest of many short bursts is free of what else the machine does. The
sender's call itself, both virtual links and the receiver are in every figure.
"""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.gate_labs import GateLab
from bench.namespaces import inside
from bench.rows import Row
from firewall.lab import addressing, processes

PORT = 8004
TARGET = addressing.WAN.far_v4
BURST = 500
_PAYLOAD = b"x" * 18  # 60 bytes on the wire
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Flow:
    """One UDP flow through a gateway, in both directions."""

    phone: socket.socket
    far: socket.socket
    translated: tuple[str, int]

    @classmethod
    def through(cls, lab: GateLab) -> "Flow":
        """Open it: one packet out, so that answers may come back."""
        far = inside(lab.lab.internet.namespace.name, _datagrams)
        far.bind(("0.0.0.0", PORT))  # noqa: S104 - the lab's internet is every address
        phone = inside(lab.lab.phones[0].namespace.name, _datagrams)
        phone.bind(("0.0.0.0", PORT))  # noqa: S104 - its one interface
        far.settimeout(0.2)
        for _ in range(_TRIES):
            phone.sendto(_PAYLOAD, (TARGET, PORT))
            try:
                _, translated = far.recvfrom(64)
            except TimeoutError:
                continue
            return cls(phone, far, translated)
        raise processes.LabError(f"{lab.name}: no packet passes")

    def close(self) -> None:
        """Close both ends."""
        self.phone.close()
        self.far.close()

    def up(self) -> float:
        """Return ns a packet from the phone, over one burst."""
        return _burst(lambda: self.phone.sendto(_PAYLOAD, (TARGET, PORT)))

    def down(self) -> float:
        """Return ns a packet to the phone, over one burst."""
        self.phone.sendto(_PAYLOAD, (TARGET, PORT))
        return _burst(lambda: self.far.sendto(_PAYLOAD, self.translated))


def _datagrams() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _burst(send: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    for _ in range(BURST):
        send()
    return (time.perf_counter_ns() - began) / BURST


def measure_packets(labs: Sequence[GateLab], bursts: int) -> list[Row]:
    """Measure all labs in turns, burst by burst; the last one is the peer."""
    flows = [Flow.through(lab) for lab in labs]
    best = {(way, lab.name): float("inf") for way in ("up", "down") for lab in labs}
    for _ in range(bursts):
        for lab, flow in zip(labs, flows, strict=True):
            best["up", lab.name] = min(best["up", lab.name], flow.up())
            best["down", lab.name] = min(best["down", lab.name], flow.down())
    for flow in flows:
        flow.close()
    return [
        Row(f"one small packet {way}, {lab.name}, quickest burst", best[way, lab.name], "ns",
            None, "plain NAT", best[way, labs[-1].name], runs=bursts)
        for way in ("up", "down") for lab in labs[:-1]
    ]  # fmt: skip
