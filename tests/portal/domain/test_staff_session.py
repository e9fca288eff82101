from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from portal.domain.staff_session import (
    ENROLMENT,
    HALF_WAY,
    SessionTimes,
    StaffSession,
    Stage,
    Standing,
)
from tests.portal.domain.test_staff_account import NOW, account

TIMES = SessionTimes()
SESSION = StaffSession(
    id=UUID(int=2),
    account=account(),
    stage=Stage.OPEN,
    site_id=None,
    started_at=NOW,
    last_used_at=NOW,
    ends_at=NOW + TIMES.longest,
)
SECOND = timedelta(seconds=1)


def test_a_visit_locks_when_nobody_is_there() -> None:
    at = NOW + TIMES.idle_lock
    assert SESSION.standing(TIMES, at - SECOND) is Standing.GOOD
    assert SESSION.standing(TIMES, at) is Standing.LOCKED
    assert replace(SESSION, last_used_at=at).standing(TIMES, at) is Standing.GOOD


def test_its_owner_may_lock_it() -> None:
    assert replace(SESSION, locked=True).standing(TIMES, NOW) is Standing.LOCKED


def test_it_ends_however_much_it_is_used() -> None:
    used = replace(SESSION, last_used_at=SESSION.ends_at)
    assert used.standing(TIMES, SESSION.ends_at - SECOND) is Standing.GOOD
    assert used.standing(TIMES, SESSION.ends_at) is Standing.OVER


def test_it_ends_with_the_account() -> None:
    gone = replace(SESSION, account=account(disabled=True))
    assert gone.standing(TIMES, NOW) is Standing.OVER


def test_the_way_in_has_nothing_to_lock() -> None:
    half = replace(SESSION, stage=Stage.CODE, locked=True, ends_at=NOW + HALF_WAY)
    assert half.standing(TIMES, NOW + SECOND) is Standing.GOOD
    assert half.standing(TIMES, NOW + HALF_WAY) is Standing.OVER


def test_each_stage_has_its_length() -> None:
    assert [TIMES.length(stage) for stage in Stage] == [HALF_WAY, ENROLMENT, TIMES.longest]
