"""How many forms a device may send."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.identity import MacAddress
from portal.web.guest import budget as budget_module
from portal.web.guest.budget import FORMS, Budget

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
MAC, OTHER = MacAddress("02:00:00:00:00:01"), MacAddress("02:00:00:00:00:02")


def spend(budget: Budget, now: datetime = NOW, mac: MacAddress = MAC) -> int:
    spent = 0
    while budget.allows(mac, now):
        spent += 1
    return spent


def test_a_burst_and_then_one_a_second() -> None:
    budget = Budget(FORMS)
    assert spend(budget) == FORMS.burst
    assert spend(budget, NOW + timedelta(seconds=5)) == 5
    assert spend(budget, NOW + timedelta(hours=5)) == FORMS.burst
    assert spend(budget, mac=OTHER) == FORMS.burst


def test_a_clock_set_back_gives_nothing_and_takes_nothing() -> None:
    budget = Budget(FORMS)
    spend(budget)
    earlier = NOW - timedelta(hours=1)
    assert spend(budget, earlier) == 0
    assert spend(budget, earlier + timedelta(seconds=3)) == 3


def test_who_came_first_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget_module, "MOST_REMEMBERED", 1)
    budget = Budget(FORMS)
    spend(budget)
    spend(budget, mac=OTHER)
    assert spend(budget) == FORMS.burst


def test_what_was_not_used_is_given_back_and_no_more() -> None:
    budget = Budget(FORMS)
    spend(budget)
    budget.give_back(MAC)
    assert spend(budget) == 1
    budget.give_back(OTHER)
    for _ in range(FORMS.burst + 3):
        budget.give_back(MAC)
    assert spend(budget) == FORMS.burst
