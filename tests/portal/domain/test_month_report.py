"""A month in numbers: put together by their definitions, and silent about few people."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.identity import SiteId
from portal.domain.month_help import EVERY, DayHelp
from portal.domain.month_report import (
    DayFigure,
    DayTries,
    DayWaits,
    LibraryMonth,
    Month,
    first_day,
    month_before,
    months_of,
    next_month,
)
from portal.domain.statistics import FEW
from portal.domain.withholding import WITHHELD, withhold

CITY, BRANCH, BUS = SiteId("city"), SiteId("branch"), SiteId("bus")
DAY = date(2026, 11, 5)


def tries(site_id: SiteId, count: int, reason: str = "", outcome: str = "") -> DayTries:
    return DayTries(
        site_id, "card", outcome or ("refused" if reason else "admitted"), reason, count
    )


MONTH = Month(
    figures=[
        DayFigure(DAY, CITY, 40, 30, 600, 12),
        DayFigure(date(2026, 11, 6), CITY, 60, 50, 900, 20),
        DayFigure(date(2026, 11, 7), CITY, None, None, 60, 2),
        DayFigure(DAY, BRANCH, 3, 2, 30, 1),
        DayFigure(DAY, EVERY, 43, 31, 630, 13),
        DayFigure(date(2026, 11, 6), EVERY, 60, 50, 900, 20),
    ],
    tries=[
        tries(CITY, 90),
        tries(CITY, 10, "cred.wrong"),
        tries(CITY, 50, "pin.empty", "mistyped"),
        tries(BRANCH, 3),
    ],
    waits=[DayWaits(CITY, "card", 10.0, 40), DayWaits(BRANCH, "card", 60.0, 4)],
)


def months() -> dict[SiteId, LibraryMonth]:
    return {one.site_id: one for one in months_of(MONTH, [CITY, BRANCH, BUS])}


def test_numbers_are_as_they_are_defined() -> None:
    city = months()[CITY]
    assert (city.days, city.devices_mean, city.devices_most) == (2, 40, 50)
    assert city.online_minutes == WITHHELD  # the branch's few would be the difference
    assert (city.peak, city.peak_day) == (20, date(2026, 11, 6))
    assert city.success is None  # likewise
    alone = months_of(Month(MONTH.figures, MONTH.tries[:3], MONTH.waits), [CITY, BUS])[0]
    assert (alone.tries, alone.success, alone.sessions) == (100, 0.9, 100)
    assert (alone.online_minutes, alone.ways) == (1560, {"card": 90})
    assert city.median_wait_s == 7.5
    assert city.reasons == {"cred.wrong": 10}


def test_all_together_are_no_sum_of_devices_or_peaks() -> None:
    every = months()[EVERY]
    assert (every.sessions, every.tries) == (103, 103)
    assert (every.devices_mean, every.devices_most, every.peak) == (40, 50, 20)
    assert every.online_minutes == 1530


def test_what_is_too_few_is_told_nowhere() -> None:
    found = months()
    branch = found[BRANCH]
    assert branch.sessions == branch.devices_mean == branch.peak == branch.tries == WITHHELD
    assert (branch.peak_day, branch.success, branch.median_wait_s) == (None, None, None)
    assert found[CITY].sessions == found[CITY].tries == WITHHELD, "or all less this one tells it"


def test_where_nobody_counted_there_is_no_number() -> None:
    bus = months()[BUS]
    assert (bus.days, bus.sessions, bus.devices_mean, bus.devices_most) == (0, None, None, None)
    assert (bus.online_minutes, bus.peak, bus.peak_day, bus.success) == (0, 0, None, None)
    assert months_of(Month([], [], []), [])[0].site_id == EVERY


def test_a_total_that_is_few_is_withheld_too() -> None:
    month = Month([DayFigure(DAY, EVERY, 4, 3, 9, 1)], [tries(CITY, 4, "card.blocked")], [])
    every = months_of(month, [CITY])[-1]
    assert (every.sessions, every.reasons) == (WITHHELD, {"card.blocked": WITHHELD})


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=5))
def test_no_sum_gives_a_withheld_count_back(table: list[list[int]]) -> None:
    told = withhold(table)
    for column in range(3):
        shown = [row[column] for row in told]
        assert not any(0 < count < FEW for count in shown)
        total = sum(row[column] for row in table)
        assert shown.count(WITHHELD) != 1 or total < FEW
        for one, row in zip(shown, table, strict=True):
            assert one in {WITHHELD, row[column]}
            assert one == 0 or row[column] != 0


@pytest.mark.parametrize(("good", "success"), [(395, None), (396, 396 / 400)])
def test_percents_give_no_withheld_reason_back(good: int, success: float | None) -> None:
    month = Month([], [tries(CITY, good), tries(CITY, 4, "card.blocked")], [])
    assert months_of(month, [CITY])[0].success == success


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10", date(2026, 10, 1)),
        ("", date(2026, 11, 1)),
        ("2027-01", date(2026, 11, 1)),
        ("2026-13", date(2026, 11, 1)),
        ("november", date(2026, 11, 1)),
    ],
)
def test_a_month_is_read_from_an_address(text: str, expected: date) -> None:
    assert first_day(text, date(2026, 12, 1)) == expected


def test_months_follow_each_other() -> None:
    first = date(2024, 1, 1)
    for _ in range(30):
        assert month_before(next_month(first)) == first
        first = next_month(first)
    assert first == date(2026, 7, 1)


@pytest.mark.parametrize("count", [1, FEW - 1])
def test_libraries_that_all_have_the_least_or_the_most_of_few_are_hidden_by_another(
    count: int,
) -> None:
    """The total less what is shown would be twice one, or twice four: then each is known."""
    assert withhold([[count], [count], [20], [9]]) == [[WITHHELD], [WITHHELD], [20], [WITHHELD]]
    assert withhold([[1], [3], [20]]) == [[WITHHELD], [WITHHELD], [20]]


def test_help_is_told_of_days_on_which_it_was_counted() -> None:
    figures = [
        DayFigure(DAY, CITY, 40, 30, 600, 12, 60),
        DayFigure(date(2026, 11, 6), CITY, 60, 50, 900, 20, 30),
        DayFigure(DAY, EVERY, 40, 30, 600, 12, 90),
    ]
    city, bus, every = months_of(Month(figures, [], [], [DayHelp(CITY, "tutored", 8)]), [CITY, BUS])
    assert (city.help.tutored_minutes, city.help.counts["tutored"]) == (90, 8)
    assert (bus.help.tutored_minutes, bus.help.counts["tutored"]) == (None, None)
    assert every.help.counts["tutored"] == 8
