from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.tutoring import STEP, VISIT, prolong, protect

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
