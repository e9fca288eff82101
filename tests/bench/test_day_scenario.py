"""The day that is drawn from a seed."""

from itertools import pairwise

import pytest

from bench.day.scenario import (
    LENGTHS_MIN,
    LONGEST_TUTORING_MIN,
    OPEN_MIN,
    SITES,
    Act,
    Day,
    Device,
    Fault,
    Kind,
    Size,
    draw,
)

SEEDS = range(12)
WHOLE, SHORT = Size(), Size(minutes=30, devices=5, tutorings=2, faults=3)
ABSENT_MIN = 240
OFF_THE_NETWORK = {Act.LEAVE, Act.HOME}


@pytest.fixture(params=SEEDS)
def day(request: pytest.FixtureRequest) -> Day:
    return draw(request.param, WHOLE)


def test_a_seed_is_a_day() -> None:
    assert draw(7, WHOLE) == draw(7, WHOLE)
    assert draw(7, WHOLE) != draw(8, WHOLE)


def test_one_more_device_changes_nobody_elses_day() -> None:
    few = draw(7, Size(devices=20, tutorings=0))
    more = draw(7, Size(devices=21, tutorings=0))
    assert more.devices[:20] == few.devices
    assert more.faults == few.faults


def test_a_whole_day_has_sixty_devices_six_tutorings_thirty_faults(day: Day) -> None:
    assert (len(day.devices), len(day.tutorings), len(day.faults)) == (60, 6, 30)
    assert {device.kind for device in day.devices} == set(Kind)
    assert {device.site for device in day.devices} == set(range(SITES))
    assert len({device.person for device in day.devices}) == 60


@pytest.mark.parametrize("size", [WHOLE, SHORT])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_happens_outside_the_day(seed: int, size: Size) -> None:
    day = draw(seed, size)
    for fault in day.faults:
        assert 0 < fault.begins <= fault.ends <= size.minutes
    for tutoring in day.tutorings:
        assert 0 < tutoring.begins < tutoring.ends < size.minutes
    for device in day.devices:
        assert all(0 <= step.minute <= size.minutes for step in device.steps)


def test_faults_come_one_after_the_other_and_each_kind_comes(day: Day) -> None:
    assert {at.fault for at in day.faults} == set(Fault)
    for before, after in pairwise(day.faults):
        assert before.ends < after.begins


def test_a_fault_is_as_long_as_its_kind_is(day: Day) -> None:
    for at in day.faults:
        shortest, longest = LENGTHS_MIN.get(at.fault, (0, 0))
        assert shortest - 1e-6 <= at.ends - at.begins <= longest + 1e-6


def test_a_short_day_has_few_kinds_of_faults_and_all_of_them_differ() -> None:
    faults = [at.fault for at in draw(3, SHORT).faults]
    assert len(set(faults)) == 3


def test_a_device_comes_first_and_goes_home_last(day: Day) -> None:
    for device in day.devices:
        acts = [step.act for step in device.steps]
        assert acts[0] is Act.ARRIVE
        assert acts[-1] is Act.HOME
        assert acts.count(Act.ARRIVE) == acts.count(Act.HOME) == 1
        assert list(device.steps) == sorted(device.steps, key=lambda step: step.minute)


def test_a_device_sleeps_and_leaves_only_where_it_is_awake_and_present(day: Day) -> None:
    for device in day.devices:
        awake = present = False
        for step in device.steps:
            awake, present = _after(step.act, device, awake=awake, present=present)


def _after(act: Act, device: Device, *, awake: bool, present: bool) -> tuple[bool, bool]:
    """Return the new state; the old one must allow the act."""
    match act:
        case Act.ARRIVE | Act.RETURN:
            assert not present, device
            return True, True
        case Act.LEAVE | Act.HOME:
            assert present, device
            return False, False
        case Act.SLEEP:
            assert awake, device
            return False, True
        case Act.WAKE:
            assert present, device
            assert not awake, device
            return True, True
        case Act.HOP | Act.ROAM | Act.ROTATE:
            assert awake, device
        case _:
            assert present, device
    return awake, present


def test_a_closed_laptop_does_not_renew() -> None:
    laptops = [d for seed in SEEDS for d in draw(seed, WHOLE).devices if d.kind is Kind.LAPTOP]
    for laptop in laptops:
        closed = False
        for step in laptop.steps:
            assert not (closed and step.act is Act.RENEW), laptop
            closed = step.act is Act.SLEEP


def test_every_kind_does_what_it_is_for() -> None:
    days = [draw(seed, WHOLE) for seed in SEEDS]
    acts = {
        kind: {s.act for day in days for d in day.devices if d.kind is kind for s in d.steps}
        for kind in Kind
    }
    assert Act.ROAM in acts[Kind.ROAMER]
    assert Act.ROTATE in acts[Kind.ROTATING]
    assert Act.HOP in acts[Kind.LAPTOP]
    assert all({Act.RETURN, Act.RENEW} <= of_kind for of_kind in acts.values())
    for kind in (Kind.READER, Kind.CALLER):
        assert not acts[kind] & {Act.SLEEP, Act.HOP, Act.ROAM}


def test_tutored_devices_are_there_all_the_time(day: Day) -> None:
    for tutoring in day.tutorings:
        steps = day.devices[tutoring.device].steps
        arrives, home = steps[0], steps[-1]
        assert arrives.minute == tutoring.begins
        assert home.minute > tutoring.ends
        assert not OFF_THE_NETWORK & {step.act for step in steps[:-1]}
        assert {Act.SLEEP, Act.WAKE, Act.HOP, Act.TUTOR_GOES} <= {step.act for step in steps}


def test_tutorings_are_long_and_of_different_devices(day: Day) -> None:
    lengths = [tutoring.ends - tutoring.begins for tutoring in day.tutorings]
    assert max(lengths) == pytest.approx(LONGEST_TUTORING_MIN)
    assert min(lengths) >= 60
    assert len({tutoring.device for tutoring in day.tutorings}) == 6


def test_no_more_are_helped_than_there_are_phones_and_laptops() -> None:
    day = draw(1, Size(devices=2, tutorings=6))
    assert len(day.tutorings) == 2


def test_a_shorter_day_is_shorter_by_the_same_factor() -> None:
    assert WHOLE.factor == 1
    assert Size(minutes=OPEN_MIN // 4).factor == 0.25


def test_nobody_is_silent_for_as_long_as_kvar_calls_absent(day: Day) -> None:
    """Four hours: what cannot be scaled in its settings must not matter."""
    for device in day.devices:
        for before, after in pairwise(device.steps):
            if before.act in {Act.LEAVE, Act.SLEEP}:
                assert after.minute - before.minute < ABSENT_MIN
