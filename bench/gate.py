"""``make bench NAME=gate``: what the gate costs, per change, per packet and in memory.

The parts are in gate_changes.py, gate_hearing.py, gate_traffic.py and gate_memory.py; this file
says how much is measured. The rule to keep: whatever is compared takes turns in one run.
"""

from dataclasses import dataclass

from bench.gate_changes import measure_beside_connections, measure_changes, measure_whole
from bench.gate_hearing import measure_hearing
from bench.gate_labs import labs
from bench.gate_memory import measure_memory
from bench.gate_packets import measure_packets
from bench.gate_traffic import measure_traffic
from bench.rows import Row


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure; the smallest still runs every line."""

    few: int = 10
    many: int = 10_000
    most: int = 100_000
    turns: int = 300
    connections: int = 50_000
    whole_turns: int = 20
    bursts: int = 200
    rounds: int = 10
    seconds: float = 1.0
    hearing_seconds: float = 4.0
    asked: int = 4_000
    sessions: int = 1_000


def measure(size: Size | None = None) -> list[Row]:
    """Measure changes, hearing, traffic and memory."""
    size = size or Size()
    with labs([size.few, size.many, None]) as built:
        gates, plain = built[:-1], built[-1]
        sizes = (size.few, size.many, size.most)
        rows = measure_changes(gates, plain.lab.gateway.name, sizes, size.turns)
        rows += measure_whole(gates[-1], size.whole_turns)
        rows += measure_hearing(gates[-1], size.hearing_seconds, size.asked)
        rows += measure_beside_connections(gates[0], size.connections, size.whole_turns)
        rows += measure_packets(built, size.bursts)
        rows += measure_traffic(built, size.rounds, size.seconds)
    return [*rows, *measure_memory(size.sessions)]
