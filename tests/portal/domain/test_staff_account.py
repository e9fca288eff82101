from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.identity import SiteId
from portal.domain.staff_account import Account, Role, is_account_name

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
A, B, C = SiteId("a"), SiteId("b"), SiteId("c")


def account(**changes: object) -> Account:
    facts: dict[str, object] = {
        "id": UUID(int=1),
        "name": "kim",
        "roles": frozenset({Role.DESK}),
        "sites": frozenset({A, B}),
        "created_at": NOW,
        **changes,
    }
    return Account(**facts)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["kim", "k1", "kim.larsson", "it-drift", "a_b", "0" * 40])
def test_names_of_accounts(text: str) -> None:
    assert is_account_name(text)


@pytest.mark.parametrize(
    "text",
    ["", "k", "Kim", ".kim", "-x", "kim larsson", "åsa", "a" * 41, "kim\n", "a\x00", "a/b", "'or"],
)
def test_what_is_no_name(text: str) -> None:
    assert not is_account_name(text)


def test_an_account_is_good_until_it_ends_or_is_disabled() -> None:
    assert account().is_good(NOW)
    assert not account(disabled=True).is_good(NOW)
    until = account(expires_at=NOW)
    assert until.is_good(NOW - timedelta(seconds=1))
    assert not until.is_good(NOW)


def test_roles() -> None:
    assert account().has_one_of({Role.DESK, Role.IT})
    assert not account().has_one_of({Role.IT})
    assert not account().has_one_of(())


def test_sites() -> None:
    assert account().works_at(A)
    assert not account().works_at(C)
    assert account(sites=None).works_at(C)
    assert account().sites_among([C, B, A]) == (B, A)
    assert account(sites=None).sites_among([C, A]) == (C, A)
    assert account(sites=frozenset()).sites_among([A]) == ()


def test_the_end_is_told_two_weeks_ahead() -> None:
    end = NOW + timedelta(days=15)
    assert account().ends_soon(NOW) is None
    assert account(expires_at=end).ends_soon(NOW) is None
    assert account(expires_at=end).ends_soon(NOW + timedelta(days=1)) == end


def test_an_account_is_looked_over_once_a_year() -> None:
    later = NOW + timedelta(days=365)
    assert not account().review_is_due(later - timedelta(seconds=1))
    assert account().review_is_due(later)
    assert not account(reviewed_at=NOW + timedelta(days=1)).review_is_due(later)
    assert not account(disabled=True).review_is_due(later), "nobody can use it"
    assert not account(expires_at=NOW).review_is_due(later)


def test_who_may_look_at_whose_account() -> None:
    assert account().is_within(account(sites=None))
    assert account().is_within(account(sites=frozenset({A, B, C})))
    assert not account().is_within(account(sites=frozenset({A})))
    assert not account(sites=None).is_within(account())
