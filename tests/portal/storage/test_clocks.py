"""Clock jumps in the database: every session moves along, once, whoever finds out."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.clock_jump import ClockReading, move
from portal.domain.session import EndReason
from portal.services.ports.keeping import Clocks
from portal.storage.clocks import PostgresClocks
from portal.storage.database import Database
from portal.storage.sessions import PostgresSessions
from tests.portal.services.stores import MemoryClocks, MemorySessions
from tests.portal.storage.test_contracts import (
    BRANCH,
    MAIN,
    Stores,
    in_memory,
    in_postgres,
    mac,
    opening,
)

HOUR, SECOND, YEAR = timedelta(hours=1), timedelta(seconds=1), timedelta(days=365)
ZERO = timedelta(0)


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> tuple[Stores, Clocks]:
    if request.param == "memory":
        stores = in_memory()
        assert isinstance(stores.sessions, MemorySessions)
        return stores, MemoryClocks(stores.sessions)
    database = request.getfixturevalue("database")
    return in_postgres(database), PostgresClocks(database)


@pytest.mark.parametrize("jump", [HOUR, -HOUR, YEAR, -YEAR, 1.5 * SECOND])
async def test_a_jump_moves_the_sites_sessions_once(
    kept: tuple[Stores, Clocks], now: datetime, jump: timedelta
) -> None:
    stores, clocks = kept
    ours = (await stores.sessions.start(opening(1, now))).session
    theirs = (await stores.sessions.start(opening(2, now, site_id=BRANCH))).session
    first = ClockReading(now, 100.0)
    assert await clocks.settle([MAIN], "one", first) == {}
    assert await clocks.settle([BRANCH], "two", ClockReading(now, 7.0)) == {}
    jumped = ClockReading(now + jump + 30 * SECOND, 130.0)
    assert await clocks.settle([MAIN], "one", jumped) == {MAIN: jump}
    assert await clocks.settle([MAIN], "one", replace(jumped)) == {}
    assert await stores.sessions.find(mac(1)) == move(ours, jump)
    assert await stores.sessions.find(mac(2)) == theirs
    assert await clocks.in_doubt([MAIN, BRANCH]) == [MAIN]
    back = ClockReading(now + 60 * SECOND, 160.0)
    assert await clocks.settle([MAIN], "one", back) == {MAIN: -jump}
    assert await stores.sessions.find(mac(1)) == ours


async def test_small_steps_add_up(kept: tuple[Stores, Clocks], now: datetime) -> None:
    _, clocks = kept
    for step in (0.0, 0.6):
        assert await clocks.settle([MAIN], "one", ClockReading(now + step * SECOND, 0.0)) == {}
    jumps = await clocks.settle([MAIN], "one", ClockReading(now + 1.2 * SECOND, 0.0))
    assert jumps == {MAIN: 1.2 * SECOND}


async def test_two_keepers_at_once_move_nothing_twice(database: Database, now: datetime) -> None:
    sessions, clocks = PostgresSessions(database), PostgresClocks(database)
    await sessions.start(opening(1, now))
    await clocks.settle([MAIN], "one", ClockReading(now, 100.0))
    jumped = ClockReading(now + HOUR, 100.0)
    found = await asyncio.gather(*(clocks.settle([MAIN], "one", jumped) for _ in range(4)))
    assert sorted(found, key=len) == [{}, {}, {}, {MAIN: HOUR}]
    row = await database.fetch_row("SELECT ends_at FROM live_session")
    assert row is not None
    assert row["ends_at"] == now + 2 * HOUR
    event = await database.fetch_row(
        "SELECT site_id, detail FROM event WHERE kind = $1", "clock_jumped"
    )
    assert event is not None
    assert tuple(event) == ("main", '{"seconds": "3600"}')


async def test_tutoring_and_last_seen_move_along(database: Database, now: datetime) -> None:
    sessions, clocks = PostgresSessions(database), PostgresClocks(database)
    await sessions.start(opening(1, now))
    await database.fetch("UPDATE live_session SET protected_until = $1", now + 3 * HOUR)
    held = await sessions.find(mac(1))
    assert held is not None
    await clocks.settle([MAIN], "one", ClockReading(now, 100.0))
    await clocks.settle([MAIN], "one", ClockReading(now - YEAR, 100.0))
    assert await sessions.find(mac(1)) == move(held, -YEAR)


async def test_a_machine_that_starts_in_the_past_corrects_its_clock(
    database: Database, now: datetime
) -> None:
    """Its battery is empty: sessions stand by the right clock, and go on when it is right again."""
    sessions, clocks = PostgresSessions(database), PostgresClocks(database)
    session = (await sessions.start(opening(1, now))).session
    await clocks.settle([MAIN], "one", ClockReading(now, 100.0))
    long_ago = now - 20 * YEAR
    assert await clocks.settle([MAIN], "two", ClockReading(long_ago, 10.0)) == {}
    assert await clocks.settle([MAIN], "two", ClockReading(long_ago + YEAR, 20.0)) == {}
    assert await clocks.settle([MAIN], "two", ClockReading(now + 60 * SECOND, 30.0)) == {}
    assert await sessions.find(mac(1)) == session
    assert await clocks.in_doubt([MAIN]) == []
    again = await clocks.settle([MAIN], "two", ClockReading(now + HOUR + 70 * SECOND, 40.0))
    assert again == {MAIN: HOUR}, "it is watched like any other from now on"


async def test_a_restarted_machine_with_a_good_clock_moves_nothing(
    database: Database, now: datetime
) -> None:
    clocks = PostgresClocks(database)
    await clocks.settle([MAIN], "one", ClockReading(now, 5000.0))
    assert await clocks.settle([MAIN], "two", ClockReading(now + HOUR, 10.0)) == {}
    back = await clocks.settle([MAIN], "two", ClockReading(now + 10 * SECOND, 20.0))
    assert back == {MAIN: -HOUR}


async def test_closing_is_believed_again(database: Database, now: datetime) -> None:
    sessions, clocks = PostgresSessions(database), PostgresClocks(database)
    closing = now + 8 * HOUR
    for number, (hours, because) in enumerate(
        [(9, "closing_time"), (7, "closing_time"), (9, "time_limit"), (1, "time_limit")]
    ):
        await sessions.start(opening(number, now, hours=hours))
        await database.fetch(
            "UPDATE live_session SET ends_because = $2 WHERE mac = $1", mac(number), because
        )
    await sessions.start(opening(9, now, hours=9, site_id=BRANCH))
    await clocks.settle([MAIN], "one", ClockReading(now, 0.0))
    await database.fetch("UPDATE site_clock SET closing_in_doubt = true")
    assert await clocks.believe_closing(MAIN, closing) == 3
    ends = {n: await sessions.find(mac(n)) for n in (0, 1, 2, 3, 9)}
    assert {n: s and (s.ends_at - now, s.ends_because) for n, s in ends.items()} == {
        0: (8 * HOUR, EndReason.CLOSING_TIME),
        1: (8 * HOUR, EndReason.CLOSING_TIME),
        2: (8 * HOUR, EndReason.CLOSING_TIME),
        3: (1 * HOUR, EndReason.TIME_LIMIT),
        9: (9 * HOUR, EndReason.TIME_LIMIT),
    }
    assert await clocks.in_doubt([MAIN]) == []
    assert await clocks.believe_closing(MAIN, None) == 0
