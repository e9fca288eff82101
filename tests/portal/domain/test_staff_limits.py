from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.staff_limits import (
    ALARM_AT,
    FREE_TRIES,
    LONGEST_PAUSE,
    PLACE_FREE_TRIES,
    StaffTally,
    judge,
    pause_after,
)
from tests.portal.domain.test_staff_account import NOW

S = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("wrong", "seconds"),
    [(0, 0), (4, 0), (5, 15), (6, 30), (7, 60), (8, 120), (10, 480), (11, 900), (10_000, 900)],
)
def test_pauses_double_and_end_at_a_quarter_of_an_hour(wrong: int, seconds: int) -> None:
    assert pause_after(wrong, FREE_TRIES) == timedelta(seconds=seconds)


def test_five_tries_are_free() -> None:
    assert judge(StaffTally(), NOW).wait_until is None
    assert judge(StaffTally(4, NOW), NOW).wait_until is None
    assert judge(StaffTally(5, NOW), NOW).wait_until == NOW + 15 * S
    assert judge(StaffTally(5, NOW), NOW + 15 * S).wait_until is None


def test_an_address_has_more_and_the_longer_wait_counts() -> None:
    free = PLACE_FREE_TRIES
    assert judge(StaffTally(0, None, free - 1, NOW), NOW).wait_until is None
    assert judge(StaffTally(0, None, free, NOW), NOW).wait_until == NOW + 15 * S
    assert judge(StaffTally(7, NOW, free, NOW), NOW).wait_until == NOW + 60 * S


def test_a_clock_set_back_lengthens_no_wait() -> None:
    later = NOW + timedelta(days=300)
    assert judge(StaffTally(5, later), NOW).wait_until == NOW + 15 * S


def test_alarms() -> None:
    assert not judge(StaffTally(ALARM_AT - 1, NOW), NOW).alarm
    assert judge(StaffTally(ALARM_AT, NOW), NOW).alarm
    assert not judge(StaffTally(0, None, PLACE_FREE_TRIES, NOW), NOW).alarm
    assert judge(StaffTally(0, None, PLACE_FREE_TRIES + FREE_TRIES, NOW), NOW).alarm


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(-(10**6), 10**6))
def test_nobody_waits_longer_than_the_longest(account: int, place: int, ago_s: int) -> None:
    last = NOW - ago_s * S
    until = judge(StaffTally(account, last, place, last), NOW).wait_until
    assert until is None or NOW < until <= NOW + LONGEST_PAUSE
