from datetime import datetime, timedelta

from portal.domain.request_budget import RequestBudget

SECOND = timedelta(seconds=1)


def test_a_burst_goes_through_and_then_what_is_refilled(now: datetime) -> None:
    budget = RequestBudget(burst=3, per_second=0.5)
    assert [budget.take("a", now) for _ in range(4)] == [None, None, None, 2 * SECOND]
    assert budget.take("a", now + SECOND) == SECOND
    assert budget.take("a", now + 2 * SECOND) is None
    assert budget.take("a", now + 2 * SECOND) == 2 * SECOND


def test_looking_takes_nothing(now: datetime) -> None:
    budget = RequestBudget(burst=1, per_second=1)
    assert [budget.wait("a", now) for _ in range(3)] == [None] * 3
    assert budget.take("a", now) is None
    assert budget.wait("a", now) == SECOND


def test_each_name_has_its_own_and_none_grows_beyond_the_burst(now: datetime) -> None:
    budget = RequestBudget(burst=1, per_second=1)
    assert budget.take("a", now) is None
    assert budget.take("b", now) is None
    assert budget.take("a", now + 1000 * SECOND) is None
    assert budget.take("a", now + 1000 * SECOND) is not None


def test_a_clock_that_steps_back_takes_nothing_away(now: datetime) -> None:
    budget = RequestBudget(burst=2, per_second=1)
    assert budget.take("a", now) is None
    assert budget.take("a", now - 1000 * SECOND) is None
    assert budget.take("a", now - 1000 * SECOND) == SECOND


def test_it_remembers_so_many_names_and_no_more(now: datetime) -> None:
    budget = RequestBudget(burst=1, per_second=1, most=2)
    for name in ("a", "b", "c"):
        assert budget.take(name, now) is None
    assert budget.take("c", now) is not None
    assert budget.take("a", now) is None
