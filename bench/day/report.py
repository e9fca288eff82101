"""PURE: the figures of the products beside each other, as a table and as rows."""

from collections.abc import Iterator, Sequence

from bench.day.count import Figures, count
from bench.day.play import Played
from bench.day.scenario import Day
from bench.rows import Row, percentile

GOALS: tuple[tuple[str, str, str], ...] = (
    ("log_outs", "involuntary log-outs", "0"),
    ("return_log_ins", "log-ins of returning devices", "0"),
    ("broken", "TCP connections broken", "0"),
    ("stranger_packets", "packets of strangers that passed", "0"),
    ("interrupted_tutorings", "interruptions of tutoring", "0"),
    ("outage_s", "outage, all devices", ""),
    ("worst_outage_s", "outage, worst device", ""),
)
UNITS = {"outage_s": "s", "worst_outage_s": "s"}


def rows(played: Sequence[Played]) -> list[Row]:
    """Return a row for each figure of the first product, beside each of the others."""
    first, *others = [(each.product, count(each.seen)) for each in played]
    return [row for name, what, goal in GOALS for row in _rows(name, what, goal, first[1], others)]


def _rows(
    name: str, what: str, goal: str, ours: Figures, others: Sequence[tuple[str, Figures]]
) -> Iterator[Row]:
    value = float(getattr(ours, name))
    holds = value == 0 if goal else None
    unit = UNITS.get(name, "a day")
    for peer, theirs in others:
        yield Row(what, value, unit, None, peer, float(getattr(theirs, name)), goal, holds)
    if not others:
        yield Row(what, value, unit, goal=goal, holds=holds)


def text(day: Day, minute_s: float, played: Sequence[Played]) -> str:
    """Return the table with a column for each product, and what is to be known about it."""
    minutes = day.size.minutes
    lines = [f"{minutes} min of a day in {minutes * minute_s:.0f} s, seed {day.seed}:"]
    lines += [
        f"{len(day.devices)} devices, {len(day.tutorings)} tutorings, {len(day.faults)} faults"
    ]
    lines += ["", *_table(played), ""]
    for each in played:
        lines += [f"{each.product}: {term}" for term in each.terms]
        if each.skipped:
            names = ", ".join(fault.value for fault in each.skipped)
            lines.append(f"{each.product}: faults that do not exist for it: {names}")
    return "\n".join(lines)


def _table(played: Sequence[Played]) -> list[str]:
    figures = [count(each.seen) for each in played]
    cells = [["", *(each.product for each in played), "goal"]]
    cells += [
        [what, *(f"{getattr(each, name):g}{UNITS.get(name, '')}" for each in figures), goal]
        for name, what, goal in GOALS
    ]
    cells += [[what, *values, ""] for what, values in _further(played)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _further(played: Sequence[Played]) -> Iterator[tuple[str, list[str]]]:
    """Yield what was done: without it a zero says nothing."""
    seen = [each.seen for each in played]
    yield "faults done", [str(each.faults) for each in played]
    yield "log-ins because of another address", [str(each.new_addresses) for each in seen]
    yield "all log-ins", [str(len(each.waits_s)) for each in seen]
    yield "visitors never let in", [str(each.never_in) for each in seen]
    yield "wait for a log-in, median", [_seconds(each.waits_s, 50) for each in seen]
    yield "wait for a log-in, longest", [_seconds(each.waits_s, 100) for each in seen]
    yield "looks at a probe", [str(each.looks) for each in seen]
    yield "TCP connections", [str(each.connections) for each in seen]
    yield "datagrams", [str(each.datagrams) for each in seen]
    yield "packets that strangers sent", [str(each.stranger_sent) for each in seen]


def _seconds(values: Sequence[float], percent: float) -> str:
    return f"{percentile(values, percent):.1f}s" if values else "-"
