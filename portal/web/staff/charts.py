"""PURE: charts as SVG paths and rectangles, drawn by the server: no script, and they print.

Not the numbers, and not the colours (staff.css). The rule to keep: every chart stands beside the
same numbers in words or in a table, and its series differ by pattern as well as by colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 200
"""Of the drawing; the page stretches it."""

SPARK_WIDTH, SPARK_HEIGHT = 120, 28

PATTERNS = 5
"""Series that can be told apart without colour; the rest is drawn as one."""


def sparkline(values: Sequence[float | None]) -> str:
    """Return the path of a line through the values; None: a gap."""
    known = [value for value in values if value is not None]
    top = max(known, default=0.0) or 1.0
    step = SPARK_WIDTH / max(len(values) - 1, 1)
    parts, pen_is_down = [], False
    for place, value in enumerate(values):
        if value is None:
            pen_is_down = False
            continue
        x, y = place * step, 1 + (SPARK_HEIGHT - 2) * (1 - value / top)
        parts.append(f"{'L' if pen_is_down else 'M'}{x:.1f} {y:.1f}")
        pen_is_down = True
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column; ``series`` counts from 0 and chooses the pattern."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Columns:
    """Stacked columns. ``labels`` are places and words under the axis, ``top`` is its end."""

    bars: Sequence[Bar]
    names: Sequence[str]
    labels: Sequence[tuple[float, str]]
    top: int


def columns(
    slots: Sequence[tuple[str, Mapping[str, int]]], label_every: int, others: str
) -> Columns:
    """Return the drawing of counts by slot and name; ``others`` names what is drawn as one."""
    names = _names([counts for _, counts in slots], others)
    top = round_up(max((sum(counts.values()) for _, counts in slots), default=0))
    width = WIDTH / max(len(slots), 1)
    bars: list[Bar] = []
    for place, (_, counts) in enumerate(slots):
        y = float(HEIGHT)
        for series, name in enumerate(names):
            rest = sum(count for one, count in counts.items() if one not in names)
            count = rest if name == others else counts.get(name, 0)
            if count:
                height = HEIGHT * count / top
                y -= height
                bars.append(Bar(series, place * width + width * 0.1, y, width * 0.8, height))
    labels = [
        (place * width, text) for place, (text, _) in enumerate(slots) if place % label_every == 0
    ]
    return Columns(bars, names, labels, top)


def _names(counts: Sequence[Mapping[str, int]], others: str) -> list[str]:
    sums: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            sums[name] = sums.get(name, 0) + count
    ordered = sorted(sums, key=lambda name: (-sums[name], name))
    return ordered if len(ordered) <= PATTERNS else [*ordered[: PATTERNS - 1], others]


def round_up(count: int) -> int:
    """Return the next 1, 2 or 5 with noughts: the end of an axis."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if count <= factor * step:
                return factor * step
        step *= 10
