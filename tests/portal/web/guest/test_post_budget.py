"""How many forms a device may send."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.identity import MacAddress
from portal.web.guest import post_budget
from portal.web.guest.post_budget import BURST, PostBudget

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
MAC, OTHER = MacAddress("02:00:00:00:00:01"), MacAddress("02:00:00:00:00:02")


def spend(budget: PostBudget, now: datetime = NOW, mac: MacAddress = MAC) -> int:
    spent = 0
    while budget.allows(mac, now):
        spent += 1
    return spent


def test_a_burst_and_then_one_a_second() -> None:
    budget = PostBudget()
    assert spend(budget) == BURST
    assert spend(budget, NOW + timedelta(seconds=5)) == 5
    assert spend(budget, NOW + timedelta(hours=5)) == BURST
    assert spend(budget, mac=OTHER) == BURST


def test_a_clock_set_back_gives_nothing_and_takes_nothing() -> None:
    budget = PostBudget()
    spend(budget)
    earlier = NOW - timedelta(hours=1)
    assert spend(budget, earlier) == 0
    assert spend(budget, earlier + timedelta(seconds=3)) == 3


def test_who_came_first_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_budget, "MOST_REMEMBERED", 1)
    budget = PostBudget()
    spend(budget)
    spend(budget, mac=OTHER)
    assert spend(budget) == BURST
