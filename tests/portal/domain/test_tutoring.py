from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.identity import SiteId
from portal.domain.tutoring import GROUP_DEVICES, GROUP_WINDOW, STEP, VISIT, Group, prolong, protect

NOON = datetime.fromisoformat("2026-11-25T12:00:00+00:00")
MOMENTS = st.none() | st.integers(-600, 600).map(lambda m: NOON + timedelta(minutes=m))
LENGTHS = st.integers(1, 720).map(lambda minutes: timedelta(minutes=minutes))


def test_a_visit_is_protected_from_now_on() -> None:
    assert protect(None, VISIT, NOON) == NOON + VISIT


def test_one_more_press_comes_on_top() -> None:
    assert prolong(NOON + VISIT, STEP, NOON) == NOON + VISIT + STEP


def test_what_ran_out_begins_again_now() -> None:
    assert prolong(NOON - STEP, STEP, NOON) == NOON + STEP


@given(MOMENTS, LENGTHS)
def test_nothing_shortens_a_protection(until: datetime | None, length: timedelta) -> None:
    for changed in (protect(until, length, NOON), prolong(until, length, NOON)):
        assert changed >= NOON + length
        assert until is None or changed >= until


GROUP = Group(UUID(int=1), SiteId("main"), 1, NOON, NOON + GROUP_WINDOW, GROUP_DEVICES)


def test_a_group_takes_devices_in_until_its_window_runs_out() -> None:
    assert GROUP.takes_in(GROUP.ends_at - STEP)
    assert not GROUP.takes_in(GROUP.ends_at)
    assert GROUP.over_at == GROUP.ends_at


def test_a_group_that_was_ended_takes_nobody_in() -> None:
    ended = replace(GROUP, ended_at=NOON + STEP)
    assert not ended.takes_in(NOON + STEP)
    assert ended.over_at == NOON + STEP
    late = replace(GROUP, ended_at=GROUP.ends_at + STEP)
    assert late.over_at == GROUP.ends_at
