"""The contract of services.ports.gateways, on PostgreSQL and in memory alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.gateway_admission import Admission
from portal.domain.session import EndReason, Session
from portal.services.ports import Sessions
from portal.services.ports.gateways import Gateway, GatewayAdmissions, Listed
from portal.storage.database import Database
from portal.storage.gateway_admissions import PostgresGatewayAdmissions
from portal.storage.sessions import PostgresSessions
from tests.portal.services.gateway_admissions import MemoryGatewayAdmissions
from tests.portal.services.stores import MemoryAttempts, MemorySessions
from tests.portal.storage.test_contracts import opening

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ANNEX = Gateway("annex", bytes(32))
NEIGHBOUR = replace(ANNEX, name_hash=b"n" * 32)
OTHER_CLIENT = replace(ANNEX, client="other")
MOST = 11


@dataclass
class Stores:
    sessions: Sessions
    gateways: GatewayAdmissions

    async def begin(self, number: int, now: datetime) -> Session:
        return (await self.sessions.start(opening(number, now))).session

    async def listed(self, now: datetime, gateway: Gateway = ANNEX) -> Sequence[Listed]:
        return await self.gateways.to_let_in(gateway, now - MINUTE, now, MOST)

    async def rhids(self, now: datetime, gateway: Gateway = ANNEX) -> list[bytes]:
        return [one.rhid for one in await self.listed(now, gateway)]

    async def out(self, now: datetime, gateway: Gateway = ANNEX) -> list[bytes]:
        return list(await self.gateways.to_put_out(gateway, now, MOST))


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "postgres":
        database: Database = request.getfixturevalue("database")
        return Stores(PostgresSessions(database), PostgresGatewayAdmissions(database))
    sessions = MemorySessions(MemoryAttempts())

    def running(session_id: UUID) -> Session | None:
        return next((one for one in sessions.live.values() if one.id == session_id), None)

    return Stores(sessions, MemoryGatewayAdmissions(running))


def rhid(number: int) -> bytes:
    return bytes([number]) * 32


async def test_it_is_listed_until_the_gateway_says_that_it_let_it_in(
    stores: Stores, now: datetime
) -> None:
    session = await stores.begin(1, now)
    assert await stores.gateways.find("annex", rhid(1)) is None
    await stores.gateways.ask(ANNEX, rhid(1), session.id, now)
    assert await stores.gateways.find("annex", rhid(1)) == Admission(session.id, now)

    for _ in range(2):
        assert await stores.listed(now) == [Listed(rhid(1), session)]
    await stores.gateways.let_in(ANNEX, [rhid(1), rhid(9)], now + MINUTE)
    assert await stores.listed(now + MINUTE) == []
    let_in = Admission(session.id, now, now + MINUTE)
    assert await stores.gateways.find("annex", rhid(1)) == let_in
    await stores.gateways.let_in(ANNEX, [rhid(1)], now + HOUR)
    assert await stores.gateways.find("annex", rhid(1)) == let_in


async def test_each_gateway_is_told_of_its_own(stores: Stores, now: datetime) -> None:
    session = await stores.begin(1, now)
    await stores.gateways.ask(ANNEX, rhid(1), session.id, now)
    for stranger in (NEIGHBOUR, OTHER_CLIENT):
        assert await stores.listed(now, stranger) == []
        await stores.gateways.let_in(stranger, [rhid(1)], now)
        await stores.gateways.put_out(stranger, [rhid(1)], now)
    assert await stores.rhids(now) == [rhid(1)]


async def test_nobody_says_yes_before_it_was_told(stores: Stores, now: datetime) -> None:
    session = await stores.begin(1, now)
    await stores.gateways.ask(ANNEX, rhid(1), session.id, now)
    await stores.gateways.let_in(ANNEX, [rhid(1)], now)
    assert await stores.rhids(now) == [rhid(1)]


async def test_only_who_asked_lately_and_is_online_still(stores: Stores, now: datetime) -> None:
    sessions = [await stores.begin(number, now) for number in range(3)]
    for number, session in enumerate(sessions):
        await stores.gateways.ask(ANNEX, rhid(number), session.id, now + number * MINUTE)
    await stores.sessions.end(sessions[1].id, EndReason.REVOKED, now + MINUTE)
    assert await stores.rhids(now + 2 * MINUTE) == [rhid(2)]
    due = sessions[2].due_at
    await stores.gateways.ask(ANNEX, rhid(2), sessions[2].id, due)
    assert await stores.rhids(due) == []


async def test_who_was_told_of_least_lately_comes_first(stores: Stores, now: datetime) -> None:
    for number in range(4):
        session = await stores.begin(number, now)
        await stores.gateways.ask(ANNEX, rhid(number), session.id, now)
    second = timedelta(seconds=1)

    async def two(at: datetime) -> set[bytes]:
        listed = await stores.gateways.to_let_in(ANNEX, now, at, 2)
        return {one.rhid for one in listed}

    first, then = await two(now + second), await two(now + 2 * second)
    assert first | then == {rhid(number) for number in range(4)}
    assert await two(now + 3 * second) == first


async def test_whose_session_is_over_is_put_out_until_the_gateway_does_it_itself(
    stores: Stores, now: datetime
) -> None:
    session = await stores.begin(1, now)
    unlisted = await stores.begin(2, now)
    await stores.gateways.ask(ANNEX, rhid(1), session.id, now)
    await stores.listed(now)
    await stores.gateways.ask(ANNEX, rhid(2), unlisted.id, now)
    assert await stores.out(now) == []
    for one in (session, unlisted):
        await stores.sessions.end(one.id, EndReason.REVOKED, now)
    assert await stores.out(now) == [rhid(1)]
    assert await stores.out(session.due_at) == []
    await stores.gateways.put_out(ANNEX, [rhid(1), rhid(2)], now)
    assert await stores.out(now) == []


async def test_it_can_be_asked_for_anew(stores: Stores, now: datetime) -> None:
    session = await stores.begin(1, now)
    await stores.gateways.ask(ANNEX, rhid(1), session.id, now)
    await stores.listed(now)
    await stores.gateways.let_in(ANNEX, [rhid(1)], now)
    await stores.gateways.put_out(ANNEX, [rhid(1)], now)
    await stores.gateways.ask(NEIGHBOUR, rhid(1), session.id, now + MINUTE)
    assert await stores.rhids(now + MINUTE) == []
    assert await stores.rhids(now + MINUTE, NEIGHBOUR) == [rhid(1)]
    await stores.sessions.end(session.id, EndReason.REVOKED, now + MINUTE)
    assert await stores.out(now + MINUTE, NEIGHBOUR) == [rhid(1)]
