from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.api_token import ApiToken, Scope, is_token_name, looks_like_token
from portal.domain.identity import SiteId

CITY, BUS = SiteId("city"), SiteId("bus")
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def token(now: datetime) -> ApiToken:
    return ApiToken(
        id=UUID(int=1),
        name="cinema",
        scopes=frozenset({Scope.READ, Scope.WRITE}),
        sites=frozenset({CITY}),
        created_by="root",
        created_at=now,
        expires_at=now + DAY,
    )


def test_a_token_is_good_until_it_expires_or_is_revoked(token: ApiToken, now: datetime) -> None:
    assert token.is_good(now)
    assert token.is_good(now + DAY - SECOND)
    assert not token.is_good(now + DAY)
    assert not replace(token, revoked_at=now).is_good(now)


def test_it_may_do_what_its_scopes_say_and_nothing_follows_from_them(token: ApiToken) -> None:
    assert token.has_all(())
    assert token.has_all({Scope.READ, Scope.WRITE})
    assert not token.has_all({Scope.WRITE, Scope.CODES})
    assert not replace(token, scopes=frozenset({Scope.CODES})).has_all({Scope.READ})


def test_it_works_at_its_sites_or_at_all(token: ApiToken) -> None:
    assert (token.works_at(CITY), token.works_at(BUS)) == (True, False)
    assert token.sites_among([BUS, CITY]) == (CITY,)
    everywhere = replace(token, sites=None)
    assert everywhere.works_at(BUS)
    assert everywhere.sites_among([BUS, CITY]) == (BUS, CITY)


def test_its_use_is_noted_once_a_minute(token: ApiToken, now: datetime) -> None:
    assert token.use_is_to_note(now)
    used = replace(token, last_used_at=now)
    assert not used.use_is_to_note(now + timedelta(seconds=59))
    assert used.use_is_to_note(now + timedelta(seconds=60))


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("kvar_" + "Az09_-" * 7 + "x", True),
        ("kvar_" + "x" * 42, False),
        ("kvar_" + "x" * 44, False),
        ("kvar_" + "x" * 42 + "å", False),
        ("kvar_" + "x" * 43 + "\n", False),
        ("Kvar_" + "x" * 43, False),
        ("", False),
    ],
)
def test_what_a_token_looks_like(text: str, may_be: bool) -> None:
    assert looks_like_token(text) is may_be


def test_what_a_token_may_be_called() -> None:
    assert is_token_name("cinema-2.old_one")
    assert not any(map(is_token_name, ["", "x", "Cinema", "a b", "-x", "cinema\n", "x" * 41]))
