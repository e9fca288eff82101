"""PURE: a month of help: what staff did for visitors, what broke, and what visitors thought of it.

Not the counting (storage/day_figures.sql). The rules to keep: what visitors did is withheld where
it is too few, what staff and machines did is told; no number is about one member of staff.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from portal.domain.identity import SiteId
from portal.domain.statistics import FEW
from portal.domain.withholding import WITHHELD, column

EVERY = SiteId("")
"""All libraries together, as figures name them."""

OF_VISITORS = ("codes", "tutored", "group_devices", "guest_faults", "easy", "hard")
"""Withheld where they are few: at a small library that may be somebody whom one saw."""

OF_OURS = ("groups", "interrupted", "faults", "fixed")
"""Told, however few: an interruption is our fault, and nobody can be recognised in it."""

DEFINITIONS = (
    *("codes", "tutored", "groups", "group_devices", "tutored_minutes", "interrupted"),
    *("faults", "guest_faults", "fixed", "seen_time", "fixed_time", "easy", "easy_share"),
)


class Answer(StrEnum):
    """What a visitor says to "was it easy?"."""

    EASY = "easy"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class DayHelp:
    """Help of some days: ``what`` is one of OF_VISITORS and OF_OURS."""

    site_id: SiteId
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class FaultTimes:
    """Medians of the reports of some days, in hours; ``site_id`` "": of all. None: of none."""

    site_id: SiteId
    seen_h: float | None
    fixed_h: float | None


@dataclass(frozen=True, slots=True)
class HelpMonth:
    """A library's month of help. None: nobody counted it. What is too few is WITHHELD.

    ``easy_share`` is of the answers; None too where it would give a withheld one back.
    """

    counts: Mapping[str, int | None]
    tutored_minutes: int | None
    easy_share: float | None
    seen_h: float | None
    fixed_h: float | None


NOTHING = HelpMonth(dict.fromkeys((*OF_VISITORS, *OF_OURS)), None, None, None, None)


def help_of(
    done: Sequence[DayHelp],
    times: Sequence[FaultTimes],
    tutored_minutes: Mapping[SiteId, int | None],
) -> Mapping[SiteId, HelpMonth]:
    """Return each library's month, and that of all together.

    ``tutored_minutes`` names every library and, as the last, EVERY. None: help was not counted.
    """
    places = list(tutored_minutes)
    done = [one for one in done if one.site_id in tutored_minutes]
    counts: dict[SiteId, dict[str, int | None]] = {place: {} for place in places}
    for what in (*OF_VISITORS, *OF_OURS):
        raw = [_sum(done, place, what, tutored_minutes[place]) for place in places]
        for place, count in zip(places, column(raw) if what in OF_VISITORS else raw, strict=True):
            counts[place][what] = count
    known = {one.site_id: one for one in times}
    nobody = FaultTimes(EVERY, None, None)
    return {
        place: HelpMonth(
            counts[place],
            _minutes(counts[place], tutored_minutes[place]),
            _easy_share(counts[place]),
            known.get(place, nobody).seen_h,
            known.get(place, nobody).fixed_h,
        )
        for place in places
    }


def _sum(done: Sequence[DayHelp], place: SiteId, what: str, measured: int | None) -> int | None:
    if measured is None:
        return None
    return sum(one.count for one in done if one.what == what and place in {EVERY, one.site_id})


def _minutes(counts: Mapping[str, int | None], minutes: int | None) -> int | None:
    """Withhold the minutes of few: one by number, or of a group."""
    return WITHHELD if WITHHELD in {counts["tutored"], counts["group_devices"]} else minutes


def _easy_share(counts: Mapping[str, int | None]) -> float | None:
    easy, hard = counts["easy"], counts["hard"]
    if easy is None or hard is None or WITHHELD in {easy, hard} or easy + hard < FEW:
        return None
    return easy / (easy + hard)
