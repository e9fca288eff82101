"""A month of help: by its definitions, and silent about few visitors."""

import pytest

from portal.domain.identity import SiteId
from portal.domain.month_help import (
    EVERY,
    NOTHING,
    OF_OURS,
    OF_VISITORS,
    DayHelp,
    FaultTimes,
    HelpMonth,
    help_of,
)
from portal.domain.withholding import WITHHELD

CITY, BRANCH, BUS = SiteId("city"), SiteId("branch"), SiteId("bus")
MINUTES = {CITY: 600, BRANCH: 45, BUS: 0, EVERY: 645}


def month(
    *done: DayHelp, minutes: dict[SiteId, int | None] | None = None
) -> dict[SiteId, HelpMonth]:
    times = [FaultTimes(CITY, 0.5, 30.0), FaultTimes(EVERY, 0.5, 30.0)]
    return dict(help_of(done, times, minutes or MINUTES))


def test_what_visitors_did_is_added_up_and_withheld_where_it_is_few() -> None:
    found = month(
        DayHelp(CITY, "tutored", 20), DayHelp(BRANCH, "tutored", 3), DayHelp(CITY, "codes", 7)
    )
    assert found[CITY].counts["tutored"] == WITHHELD, "or all less this one tells it"
    assert found[BRANCH].counts["tutored"] == WITHHELD
    assert (found[EVERY].counts["tutored"], found[CITY].counts["codes"]) == (23, 7)
    assert found[BUS].counts["tutored"] == 0


def test_minutes_of_few_are_withheld_by_number_or_in_a_group() -> None:
    found = month(DayHelp(CITY, "tutored", 20), DayHelp(BRANCH, "group_devices", 4))
    assert found[BRANCH].tutored_minutes == WITHHELD
    assert found[EVERY].tutored_minutes == WITHHELD, "the total of the groups is few"
    assert found[BUS].tutored_minutes == 0
    assert month(DayHelp(CITY, "tutored", 20))[CITY].tutored_minutes == 600


def test_what_we_did_is_told_however_few() -> None:
    found = month(*(DayHelp(BRANCH, what, 1) for what in OF_OURS))
    assert all(found[BRANCH].counts[what] == found[EVERY].counts[what] == 1 for what in OF_OURS)


def test_where_nobody_counted_there_is_no_number() -> None:
    found = month(minutes={CITY: None, EVERY: None})
    assert found[CITY].counts == dict.fromkeys((*OF_VISITORS, *OF_OURS)) == NOTHING.counts
    assert found[CITY].tutored_minutes is None
    assert found[CITY].easy_share is None


@pytest.mark.parametrize(
    ("easy", "hard", "share"),
    [(45, 5, 0.9), (5, 0, 1.0), (4, 0, None), (40, 3, None), (0, 0, None), (0, 5, 0.0)],
)
def test_the_share_gives_no_withheld_answer_back(easy: int, hard: int, share: float | None) -> None:
    found = month(
        DayHelp(CITY, "easy", easy), DayHelp(CITY, "hard", hard), minutes={CITY: 0, EVERY: 0}
    )
    assert found[CITY].easy_share == share


def test_medians_are_told_where_there_are_any() -> None:
    found = month()
    assert (found[CITY].seen_h, found[CITY].fixed_h, found[BUS].seen_h) == (0.5, 30.0, None)


def test_a_library_that_is_no_more_is_in_no_total() -> None:
    assert month(DayHelp(SiteId("gone"), "codes", 9))[EVERY].counts["codes"] == 0
