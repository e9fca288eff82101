"""One measured figure beside its floor, its peer and its goal; printed and written as JSON.

Not a test: a benchmark never fails because a machine is slow, it says whether the goal held.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """``floor`` and ``peer_value`` are in the same ``unit`` and from the same run as ``value``.

    ``ratio`` is value / floor, or value / peer where there is no floor. ``holds`` is whether the
    goal was met in this run, None where there is no goal.
    """

    what: str
    value: float
    unit: str
    floor: float | None = None
    peer_name: str | None = None
    peer_value: float | None = None
    goal: str = ""
    holds: bool | None = None
    runs: int = 1

    @property
    def ratio(self) -> float | None:
        """Value in terms of the floor, or of the peer."""
        base = self.floor if self.floor is not None else self.peer_value
        return None if not base else self.value / base

    def as_json(self) -> dict[str, Any]:
        """Return the row in the form that bench/results/*.json holds."""
        peer = (
            None
            if self.peer_name is None
            else {"name": self.peer_name, "value": _rounded(self.peer_value)}
        )
        return {
            "what": self.what,
            "value": _rounded(self.value),
            "unit": self.unit,
            "floor": _rounded(self.floor),
            "peer": peer,
            "ratio": _rounded(self.ratio),
            "goal": self.goal,
            "holds": self.holds,
            "runs": self.runs,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which ``percent`` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def save(name: str, rows: Sequence[Row]) -> Path:
    """Write the rows to bench/results/<name>.json and return the path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    return path


def table(rows: Sequence[Row]) -> str:
    """Return the rows as an aligned table."""
    head = ("what", "value", "unit", "floor", "peer", "ratio", "goal", "holds")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    peer = "" if row.peer_name is None else f"{row.peer_name} {_text(row.peer_value)}"
    holds = {None: "", True: "yes", False: "NO"}[row.holds]
    return (row.what, _text(row.value), row.unit, _text(row.floor), peer, _text(row.ratio),
            row.goal, holds)  # fmt: skip


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
