"""What the numbers mean."""

from datetime import UTC, datetime, timedelta
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.identity import SiteId
from portal.domain.statistics import (
    WAITING_BOUNDS_S,
    OnlineSample,
    TryCount,
    WaitCount,
    bound_of,
    bucket_of,
    median_wait_s,
    peak,
    reasons,
    success_rate,
    totals,
)

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
CITY, BRANCH = SiteId("city"), SiteId("branch")


def tried(outcome: str, count: int, reason: str = "") -> TryCount:
    return TryCount(AT, CITY, "card", outcome, reason, count)


def waited(bound_s: float, count: int) -> WaitCount:
    return WaitCount(AT, CITY, "card", bound_s, count)


def sample(site_id: SiteId, minutes: int, count: int) -> OnlineSample:
    return OnlineSample(AT + timedelta(minutes=minutes), site_id, count)


def test_success_is_the_share_of_what_was_judged() -> None:
    tries = [tried("admitted", 6), tried("refused", 2, "cred.wrong"), tried("mistyped", 90)]
    assert success_rate(tries) == 0.75
    assert success_rate([tried("refused", 3)]) == 0
    assert success_rate([tried("mistyped", 3)]) is None
    assert success_rate([]) is None


def test_the_commonest_reason_comes_first() -> None:
    tries = [tried("refused", 2, "a"), tried("refused", 3, "b"), tried("refused", 2, "a")]
    assert reasons([*tries, tried("mistyped", 9, "c"), tried("admitted", 9)]) == [
        ("a", 4),
        ("b", 3),
    ]


def test_the_median_lies_where_half_of_them_were_online() -> None:
    assert median_wait_s([]) is None
    assert median_wait_s([waited(20, 10)]) == 17.5
    assert median_wait_s([waited(10, 5), waited(20, 5)]) == 10
    assert median_wait_s([waited(1, 1), waited(600, 1), waited(600, 1)]) == 375
    assert median_wait_s([waited(1, 2), waited(inf, 5)]) == 600


def test_together_and_at_most() -> None:
    samples = [sample(CITY, 0, 3), sample(BRANCH, 0, 4), sample(CITY, 5, 6), sample(CITY, -5, 50)]
    assert list(totals(samples).values()) == [50, 7, 6]
    assert peak(samples, AT) == 7
    assert peak([], AT) == 0


def test_five_minutes() -> None:
    assert bucket_of(AT.replace(minute=14, second=59, microsecond=9)) == AT.replace(minute=10)


@given(st.floats(min_value=0, max_value=10_000))
def test_every_wait_has_its_bound(length_s: float) -> None:
    bound = bound_of(length_s)
    assert length_s <= bound
    assert bound == inf or bound in WAITING_BOUNDS_S


@given(st.lists(st.floats(min_value=0, max_value=900), min_size=1, max_size=50))
def test_the_median_of_buckets_is_near_the_real_one(waits: list[float]) -> None:
    """It is in the bucket that the real one is in."""
    found = median_wait_s([waited(bound_of(one), 1) for one in waits])
    real = sorted(waits)[(len(waits) - 1) // 2]
    assert found is not None
    bound = bound_of(real)
    below = max((one for one in WAITING_BOUNDS_S if one < bound), default=0)
    assert below <= found <= bound
