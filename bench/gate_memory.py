"""Memory of each Kvar process with sessions in database and gate.

Not a leak test. PSS shares out what processes have in common, so the rows add up; the whole of
RSS stands in the name (proc(5), smaps_rollup).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from bench import stage
from bench.rows import Row

_LINE = re.compile(r"^(Rss|Pss): +(\d+) kB", re.MULTILINE)


def measure_memory(sessions: int) -> list[Row]:
    """Run Kvar with so many sessions, show a few pages, and read."""
    with stage.world(1) as world:
        world.preload(sessions)
        world.phones[0].join()
        with stage.browser_of(world.lab, world.phones[0]) as browser:
            for _ in range(20):
                browser.get("/")
        return [
            Row(f"memory of {name} with {sessions:,} sessions, PSS (RSS {rss:.0f} MB)", pss, "MB")
            for name, pss, rss in _of(world)
        ]


def _of(world: stage.BenchWorld) -> Iterator[tuple[str, float, float]]:
    config = str(world.config_file)
    postgres: list[int] = []
    for pid, line in world.pids().items():
        if config in line:
            yield (f"kvar {line.rstrip().rpartition(' ')[2]}", *megabytes([pid]))
        elif "postgres" in line:
            postgres.append(pid)
    yield ("PostgreSQL, all its processes", *megabytes([*postgres, *_children_of(postgres)]))


def _children_of(parents: list[int]) -> Iterator[int]:
    for pid in parents:
        yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def megabytes(pids: list[int]) -> tuple[float, float]:
    """Return PSS and RSS; RSS counts what is shared as often as there are processes."""
    total = {"Rss": 0, "Pss": 0}
    for pid in pids:
        for kind, kilobytes in _LINE.findall(Path(f"/proc/{pid}/smaps_rollup").read_text()):
            total[kind] += int(kilobytes)
    return total["Pss"] / 1024, total["Rss"] / 1024
