"""Sign-in limits: waits for one device, a daily budget for strangers, never a locked card."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.domain.sign_in_limits import (
    DAY,
    Allowed,
    Busy,
    Limits,
    Tally,
    UseCodeOrStaff,
    Wait,
    judge,
)

MINUTE = timedelta(minutes=1)
KNOWN = Tally(device_is_known=True)


def test_the_first_attempt_of_a_stranger(now: datetime) -> None:
    assert judge(Tally(), Limits(), now) == Allowed(attempts_left=2, wait_s=None)


def test_the_first_attempt_of_a_known_device(now: datetime) -> None:
    assert judge(KNOWN, Limits(), now) == Allowed(attempts_left=4, wait_s=60)


@pytest.mark.parametrize(("wrong", "minutes"), [(5, 1), (6, 2), (7, 4), (8, 8), (9, 15), (19, 15)])
def test_waits_double_up_to_a_quarter(now: datetime, wrong: int, minutes: int) -> None:
    tally = replace(KNOWN, pair_wrong=wrong, pair_last_at=now)
    assert judge(tally, Limits(), now) == Wait(now + minutes * MINUTE)
    after = now + minutes * MINUTE
    answer = judge(tally, Limits(), after)
    assert isinstance(answer, Allowed)
    assert answer.attempts_left == 0
    assert answer.wait_s == 60 * min(2 * minutes, 15)


def test_a_clock_set_back_does_not_lengthen_a_wait(now: datetime) -> None:
    tally = replace(KNOWN, pair_wrong=5, pair_last_at=now + DAY)
    assert judge(tally, Limits(), now) == Wait(now + MINUTE)


def test_strangers_share_a_daily_budget_and_the_owner_goes_on(now: datetime) -> None:
    spent = Tally(strangers_wrong=3, strangers_first_at=now - 2 * MINUTE)
    assert judge(spent, Limits(), now) == UseCodeOrStaff(now - 2 * MINUTE + DAY)
    owner = replace(spent, device_is_known=True)
    assert isinstance(judge(owner, Limits(), now), Allowed)


def test_the_last_attempt_of_a_stranger_announces_no_pause(now: datetime) -> None:
    tally = Tally(strangers_wrong=2, pair_wrong=2, strangers_first_at=now, pair_last_at=now)
    assert judge(tally, Limits(), now) == Allowed(attempts_left=0, wait_s=None)


@pytest.mark.parametrize(("lock", "strangers"), [(3, 1), (4, 2), (5, 3), (10, 3)])
def test_strangers_stay_two_below_the_library_systems_lock(lock: int, strangers: int) -> None:
    assert Limits(lock_limit=lock).unknown_devices_per_day == strangers


def test_all_devices_together_stay_below_the_lock(now: datetime) -> None:
    limits = Limits(lock_limit=5)
    three = replace(KNOWN, card_wrong=3, card_first_at=now)
    assert judge(three, limits, now) == Allowed(attempts_left=0, wait_s=None)
    four = replace(KNOWN, card_wrong=4, card_first_at=now)
    assert judge(four, limits, now) == UseCodeOrStaff(now + DAY)


def test_one_device_over_many_cards(now: datetime) -> None:
    many = Tally(device_wrong=20, device_first_at=now - 50 * MINUTE)
    assert judge(many, Limits(), now) == UseCodeOrStaff(now + 10 * MINUTE)
    cards = Tally(cards_tried=5, cards_first_at=now - 10 * MINUTE)
    assert judge(cards, Limits(), now) == UseCodeOrStaff(now + 20 * MINUTE)


def test_a_site_under_attack_slows_down_and_raises_the_alarm(now: datetime) -> None:
    assert judge(Tally(site_checks=100), Limits(), now) == Wait(now + timedelta(seconds=10))
    answer = judge(Tally(site_wrong=60), Limits(), now)
    assert isinstance(answer, Allowed)
    assert (answer.alarm, answer.delay_s) == (True, 1.0)


def test_a_budget_held_by_attempts_being_checked_is_waited_for(now: datetime) -> None:
    checking = Tally(strangers_wrong=3, strangers_first_at=now, strangers_undecided=2)
    assert judge(checking, Limits(), now) == Busy()
    spent = replace(checking, strangers_wrong=5)
    assert judge(spent, Limits(), now) == UseCodeOrStaff(now + DAY)
    pressed_twice = replace(KNOWN, pair_wrong=5, pair_last_at=now, pair_undecided=1)
    assert judge(pressed_twice, Limits(), now) == Busy()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lock=st.none() | st.integers(3, 12),
    per_day=st.integers(1, 20),
    moves=st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60),
)
def test_no_order_of_guesses_exceeds_a_budget(
    now: datetime, lock: int | None, per_day: int, moves: list[tuple[bool, int]]
) -> None:
    """Owner's device and strangers' devices guess wrong in any order within a day."""
    limits = Limits(attempts_per_day=per_day, lock_limit=lock)
    asked: list[tuple[datetime, bool]] = []
    for is_owner, minutes in moves:
        now += minutes * MINUTE
        day = [(at, owner) for at, owner in asked if at > now - DAY]
        own = [at for at, owner in day if owner]
        others = [at for at, owner in day if not owner]
        tally = Tally(
            device_is_known=is_owner,
            pair_wrong=len(own) if is_owner else 0,
            pair_last_at=own[-1] if own and is_owner else None,
            strangers_wrong=len(others),
            strangers_first_at=others[0] if others else None,
            card_wrong=len(day),
            card_first_at=day[0][0] if day else None,
        )
        verdict = judge(tally, limits, now)
        if isinstance(verdict, Allowed):
            asked.append((now, is_owner))
            assert len(others) < limits.unknown_devices_per_day or is_owner
            assert lock is None or len(day) + 1 < lock
        elif not isinstance(verdict, Busy):
            assert verdict.until > now
