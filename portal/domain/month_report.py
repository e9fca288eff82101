"""A month in numbers: what the report tells, and what it withholds because it is too few.

Not the counting (services/day_counting.py) and not the page. The rules to keep: every number has
its definition, with a version; a number of people's doings below FEW is not told, nor can it be
computed from the others that stand beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from portal.domain import month_help
from portal.domain.identity import SiteId
from portal.domain.month_help import EVERY, DayHelp, FaultTimes, HelpMonth
from portal.domain.statistics import FEW, TryCount, WaitCount, median_wait_s, success_rate
from portal.domain.withholding import WITHHELD, column, withhold

DEFINITIONS = (
    *("sessions", "unique_devices_day", "online_minutes", "peak_concurrent"),
    *("tries", "success", "median_wait", "ways", "reasons"),
    *month_help.DEFINITIONS,
)
"""Each has its words in the texts of the staff site, ``month.definition.<name>``."""

VERSION = 2
"""2: help, faults and visitors' answers were added; what there was is as it was."""

MANY = 100 * (FEW - 1)
"""A percent of so many tries is as wide as what is withheld."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Counts of whole days have no moment."""


@dataclass(frozen=True, slots=True)
class DayFigure:
    """A day of one library, or of all ("" as ``site_id``). None: nobody counted that day."""

    day: date
    site_id: SiteId
    sessions: int | None
    devices: int | None
    online_minutes: int
    peak: int
    tutored_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class DayTries:
    """Presses on "log in" of some days."""

    site_id: SiteId
    method: str
    outcome: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class DayWaits:
    """Devices of some days that waited for at most ``bound_s``."""

    site_id: SiteId
    method: str
    bound_s: float
    count: int


@dataclass(frozen=True, slots=True)
class Month:
    """All that was counted of some days."""

    figures: Sequence[DayFigure]
    tries: Sequence[DayTries]
    waits: Sequence[DayWaits]
    help: Sequence[DayHelp] = ()
    fault_times: Sequence[FaultTimes] = ()


@dataclass(frozen=True, slots=True)
class LibraryMonth:
    """A library's month. None: nobody counted it. What is too few is WITHHELD.

    ``days`` are those on which devices were counted, ``devices_mean`` and ``devices_most`` are by
    such a day; ``peak_day`` is the day of the peak.
    """

    site_id: SiteId
    days: int
    sessions: int | None
    devices_mean: int | None
    devices_most: int | None
    online_minutes: int
    peak: int
    peak_day: date | None
    tries: int
    success: float | None
    median_wait_s: float | None
    ways: Mapping[str, int]
    reasons: Mapping[str, int]
    help: HelpMonth


def first_day(text: str, today: date) -> date:
    """Read "2026-11"; the month of yesterday where that is none, or is yet to come."""
    latest = (today - timedelta(days=1)).replace(day=1)
    try:
        asked = date.fromisoformat(f"{text}-01")
    except ValueError:
        return latest
    return min(asked, latest)


def next_month(first: date) -> date:
    """Return the first day of the month after."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_before(first: date) -> date:
    """Return the first day of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


def months_of(month: Month, site_ids: Sequence[SiteId]) -> list[LibraryMonth]:
    """Return each library's month, and that of all together, with what is too few withheld.

    Withheld over all libraries, whichever are shown: who sees one and the total computes nothing.
    """
    places = [*site_ids, EVERY]
    ways = _counts(month.tries, site_ids, outcome="admitted")
    reasons = _counts(month.tries, site_ids, outcome="refused")
    raw = {place: _numbers(month, place) for place in places}
    sessions = column([raw[place].sessions for place in places])
    tries = column([raw[place].tries for place in places])
    helped = month_help.help_of(
        month.help,
        month.fault_times,
        {place: _tutored_minutes(month.figures, place) for place in places},
    )
    return [
        replace(
            _withheld(raw[place], sessions[n], tries[n], ways[place], reasons[place]),
            help=helped[place],
        )
        for n, place in enumerate(places)
    ]


def _tutored_minutes(figures: Sequence[DayFigure], place: SiteId) -> int | None:
    measured = [one.tutored_minutes for one in figures if one.site_id == place]
    told = [minutes for minutes in measured if minutes is not None]
    return sum(told) if told else None


def _numbers(month: Month, place: SiteId) -> LibraryMonth:
    figures = [one for one in month.figures if one.site_id == place]
    counted = [one for one in figures if one.devices is not None]
    devices = [one.devices or 0 for one in counted]
    tries = [
        TryCount(_NEVER, one.site_id, one.method, one.outcome, one.reason, one.count)
        for one in month.tries
        if place in {EVERY, one.site_id}
    ]
    waits = [
        WaitCount(_NEVER, one.site_id, one.method, one.bound_s, one.count)
        for one in month.waits
        if place in {EVERY, one.site_id}
    ]
    peak = max(figures, key=lambda one: one.peak, default=None)
    judged = sum(one.count for one in tries if one.outcome != "mistyped")
    waited = sum(one.count for one in waits)
    return LibraryMonth(
        site_id=place,
        days=len(counted),
        sessions=sum(one.sessions or 0 for one in counted) if counted else None,
        devices_mean=round(sum(devices) / len(devices)) if devices else None,
        devices_most=max(devices, default=None),
        online_minutes=sum(one.online_minutes for one in figures),
        peak=0 if peak is None else peak.peak,
        peak_day=None if peak is None or peak.peak == 0 else peak.day,
        tries=judged,
        success=success_rate(tries) if judged >= FEW else None,
        median_wait_s=median_wait_s(waits) if waited >= FEW else None,
        ways={},
        reasons={},
        help=month_help.NOTHING,
    )


def _withheld(
    raw: LibraryMonth,
    sessions: int | None,
    tries: int | None,
    ways: Mapping[str, int],
    reasons: Mapping[str, int],
) -> LibraryMonth:
    told = {"devices_mean": raw.devices_mean, "devices_most": raw.devices_most, "peak": raw.peak}
    few = {name: WITHHELD if value and value < FEW else value for name, value in told.items()}
    hidden = sessions == WITHHELD
    return LibraryMonth(
        site_id=raw.site_id,
        days=raw.days,
        sessions=sessions,
        devices_mean=few["devices_mean"],
        devices_most=few["devices_most"],
        online_minutes=WITHHELD if hidden else raw.online_minutes,
        peak=few["peak"] or 0,
        peak_day=raw.peak_day if few["peak"] not in {0, WITHHELD} else None,
        tries=tries or 0,
        success=None if tries == WITHHELD or _tells(raw.tries, reasons) else raw.success,
        median_wait_s=raw.median_wait_s,
        ways=ways,
        reasons=reasons,
        help=raw.help,
    )


def _tells(tries: int, reasons: Mapping[str, int]) -> bool:
    """Say whether whole percents of so many tries would give a withheld reason's count back."""
    return WITHHELD in reasons.values() and tries < MANY


def _counts(
    tries: Iterable[DayTries], site_ids: Sequence[SiteId], outcome: str
) -> Mapping[SiteId, Mapping[str, int]]:
    """Return counts by library and by way in, or by reason where they were refused.

    How many were refused in all is told by nobody.
    """
    sums: dict[tuple[SiteId, str], int] = defaultdict(int)
    for one in tries:
        if one.outcome == outcome and one.site_id in site_ids:
            sums[one.site_id, one.reason or one.method] += one.count
    names = sorted({name for _, name in sums})
    table = withhold([[sums[site_id, name] for name in names] for site_id in site_ids])
    told = {
        site_id: _largest_first(dict(zip(names, row, strict=True)))
        for site_id, row in zip(site_ids, table, strict=True)
    }
    totals = {name: sum(sums[site_id, name] for site_id in site_ids) for name in names}
    few = {name: WITHHELD if count < FEW else count for name, count in totals.items()}
    return {**told, EVERY: _largest_first(few)}


def _largest_first(counts: Mapping[str, int]) -> Mapping[str, int]:
    shown = [(name, count) for name, count in counts.items() if count]
    return dict(sorted(shown, key=lambda one: (-one[1], one[0])))
