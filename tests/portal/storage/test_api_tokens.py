"""The contract of services.ports.api_tokens, on PostgreSQL and in memory alike."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from portal.domain.api_token import ApiToken, Scope
from portal.domain.identity import SiteId
from portal.services.ports.api_tokens import ApiTokenStore
from portal.storage.api_tokens import PostgresApiTokens
from portal.storage.database import Database
from tests.portal.services.api_token_store import MemoryApiTokens

HASH, OTHER = b"h" * 32, b"o" * 32
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> ApiTokenStore:
    if request.param == "memory":
        return MemoryApiTokens()
    return PostgresApiTokens(request.getfixturevalue("database"))


def make(now: datetime, name: str = "cinema", **changes: object) -> ApiToken:
    token = ApiToken(
        id=uuid4(),
        name=name,
        scopes=frozenset(Scope),
        sites=frozenset({SiteId("city"), SiteId("bus")}),
        created_by="root",
        created_at=now,
        expires_at=now + timedelta(days=1),
    )
    return replace(token, **changes)  # type: ignore[arg-type]


async def test_a_token_is_found_by_its_hash_as_it_was_made(
    store: ApiTokenStore, now: datetime
) -> None:
    token = make(now)
    assert await store.create(token, HASH)
    assert await store.find(HASH) == token
    assert await store.find(OTHER) is None
    everywhere = make(now, "a-second", sites=None, scopes=frozenset({Scope.READ}))
    assert await store.create(everywhere, OTHER)
    assert await store.all() == [everywhere, token]


async def test_a_name_is_one_tokens_for_ever(store: ApiTokenStore, now: datetime) -> None:
    token = make(now)
    assert await store.create(token, HASH)
    assert not await store.create(make(now), OTHER)
    assert await store.revoke("cinema", now + MINUTE)
    assert not await store.revoke("cinema", now + 2 * MINUTE)
    assert not await store.revoke("nobody", now)
    assert not await store.create(make(now), OTHER)
    assert await store.all() == [replace(token, revoked_at=now + MINUTE)]


async def test_its_use_is_written_once_a_minute(store: ApiTokenStore, now: datetime) -> None:
    token = make(now)
    await store.create(token, HASH)
    for seconds, noted in ((0, 0), (59, 0), (60, 60), (61, 60)):
        await store.note_use(token.id, now + timedelta(seconds=seconds))
        found = await store.find(HASH)
        assert found is not None
        assert found.last_used_at == now + timedelta(seconds=noted)


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": frozenset()},
        {"scopes": frozenset({"everything"})},
        {"name": "Not A Name"},
        {"expires_at": datetime.fromisoformat("2020-01-01T00:00:00+00:00")},
    ],
)
async def test_the_database_takes_no_token_that_cannot_be(
    database: Database, now: datetime, changes: dict[str, object]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await PostgresApiTokens(database).create(make(now, **changes), HASH)  # type: ignore[arg-type]
