"""Clock jumps: what is one, and that a session moves along whole."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.clock_jump import ClockReading, jump_between, move
from portal.domain.session import Session

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("leap", "jump"),
    [(0.0, 0.0), (0.9, 0.0), (-0.9, 0.0), (1.0, 1.0), (-3600.0, -3600.0), (31536000.0, 31536000.0)],
)
def test_what_is_a_jump(now: datetime, leap: float, jump: float) -> None:
    after = ClockReading(now + 30 * SECOND + leap * SECOND, 130.0)
    assert jump_between(ClockReading(now, 100.0), after) == jump * SECOND


def test_a_session_moves_along_whole(session: Session, now: datetime) -> None:
    moved = move(session, -HOUR)
    assert (moved.started_at, moved.ends_at) == (now - HOUR, now)
    assert (moved.last_seen_at, moved.protected_until) == (now - HOUR, None)
    held = replace(session, protected_until=now + 2 * HOUR)
    assert move(held, HOUR).due_at == now + 3 * HOUR
    assert move(move(held, HOUR), -HOUR) == held
