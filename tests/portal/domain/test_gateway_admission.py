"""How far an admission is, and when it stands in the gateway's list anew."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.gateway_admission import (
    LISTED_FOR,
    NEWS_TRAVEL,
    Admission,
    Judged,
    Waiting,
    judge,
)

NOW = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
MINE, OTHER = UUID(int=1), UUID(int=2)
SECOND = timedelta(seconds=1)
ANEW = Judged(Waiting.ASKED, is_anew=True)


def asked(before: timedelta, let_in_before: timedelta | None = None) -> Admission:
    return Admission(MINE, NOW - before, None if let_in_before is None else NOW - let_in_before)


@pytest.mark.parametrize(
    ("found", "pressed", "judged"),
    [
        (None, False, ANEW),
        (None, True, ANEW),
        (asked(LISTED_FOR), False, Judged(Waiting.ASKED)),
        (asked(LISTED_FOR), True, Judged(Waiting.ASKED)),
        (asked(LISTED_FOR + SECOND), False, Judged(Waiting.UNHEARD, is_anew=True)),
        (asked(LISTED_FOR + SECOND), True, ANEW),
        (asked(LISTED_FOR * 2, timedelta(hours=3)), False, Judged(Waiting.LET_IN)),
        (asked(LISTED_FOR, NEWS_TRAVEL), True, Judged(Waiting.LET_IN)),
        (asked(LISTED_FOR, NEWS_TRAVEL + SECOND), True, ANEW),
    ],
)
def test_how_far_it_is(found: Admission | None, pressed: bool, judged: Judged) -> None:
    assert judge(found, MINE, NOW, pressed=pressed) == judged


@pytest.mark.parametrize("let_in_before", [None, SECOND])
def test_another_session_of_the_device_is_asked_for_anew(let_in_before: timedelta | None) -> None:
    found = asked(SECOND, let_in_before)
    assert judge(found, OTHER, NOW, pressed=False) == ANEW
