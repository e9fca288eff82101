"""120 minutes of tutoring on a scaled clock: nobody is thrown out, no connection is dropped.

In real time: ``make bench-day REAL=1``, by the same schedule.
"""

import pytest

from bench import tutoring_visit
from bench.tutoring import LENGTH_MIN, NOT_BUILT, SCHEDULE, Act, asleep_min, timed

SCALE = 120.0
"""Minutes in one minute; what the faults themselves take comes on top."""


def test_the_schedule_holds_what_was_promised() -> None:
    acts = [step.act for step in SCHEDULE]
    assert set(acts) == set(Act)
    assert Act.RADIUS in NOT_BUILT
    assert asleep_min() == 30
    assert [step.minute for step in SCHEDULE] == sorted(step.minute for step in SCHEDULE)
    assert max(due_s for due_s, _ in timed(SCALE)) == LENGTH_MIN * 60 / SCALE


@pytest.mark.root
def test_two_hours_of_tutoring_without_a_break() -> None:
    told: list[str] = []
    seen = tutoring_visit.play(SCALE, told.append)
    print("\n".join([*told, str(seen)]))  # noqa: T201
    assert len(told) == len(SCHEDULE)
    assert (seen.captive, seen.redirected, seen.dropped) == ([], [], [])
    assert len(seen.sessions) == 1, seen.sessions
    assert "none" not in seen.sessions
    assert seen.spoke_asleep == 0
    assert min(seen.lines, seen.probes, seen.api_answers) > 10, seen
