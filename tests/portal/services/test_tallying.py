"""Counting by five minutes, on a real PostgreSQL."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf

import pytest

from portal.domain.identity import SiteId
from portal.domain.session import Ground
from portal.domain.statistics import TryCount, WaitCount, bucket_of
from portal.services.outcomes import RefusalReason
from portal.services.overview import Overview
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.statistics import NodeReport, Records
from portal.services.reporting import Reporting
from portal.services.tallying import MOST_KEPT, SeveralObservers, Tallying
from portal.storage.database import Database
from portal.storage.statistics import PostgresStatistics

CITY, BRANCH = SiteId("city"), SiteId("branch")


@pytest.fixture
def store(database: Database) -> PostgresStatistics:
    return PostgresStatistics(database)


async def read(store: PostgresStatistics, now: datetime) -> Records:
    return await store.read(now - timedelta(hours=24), now)


@dataclass
class Away:
    """A store whose database is away so often."""

    store: PostgresStatistics
    failures: int = 1
    asked: int = field(default=0)

    async def add(self, tries: list[TryCount], waits: list[WaitCount]) -> None:
        self.asked += 1
        if self.asked <= self.failures:
            raise DatabaseUnavailableError("told to fail")
        await self.store.add(tries, waits)


async def test_two_processes_count_into_the_same_five_minutes(
    store: PostgresStatistics, now: datetime
) -> None:
    processes = [Tallying(store, lambda: now + timedelta(seconds=30)) for _ in range(2)]
    for process in processes:
        both = SeveralObservers([process])
        for _ in range(10):
            both.admitted(CITY, Ground.CARD)
            both.came_online(CITY, Ground.CARD, timedelta(seconds=12))
        both.refused(CITY, Ground.CARD, RefusalReason.CREDENTIALS_WRONG)
        both.refused(CITY, Ground.VOUCHER, RefusalReason.CODE_TYPO)
    await asyncio.gather(*(process.flush() for process in processes))
    await asyncio.gather(*(process.flush() for process in processes))
    records = await read(store, now)
    at = bucket_of(now)
    assert sorted(records.tries, key=str) == sorted(
        [
            TryCount(at, CITY, "card", "admitted", "", 20),
            TryCount(at, CITY, "card", "refused", "cred.wrong", 2),
            TryCount(at, CITY, "voucher", "mistyped", "code.typo", 2),
        ],
        key=str,
    )
    assert records.waits == [WaitCount(at, CITY, "card", 15.0, 20)]


async def test_what_cannot_be_written_waits(store: PostgresStatistics, now: datetime) -> None:
    process = Tallying(Away(store), lambda: now)  # type: ignore[arg-type]
    process.admitted(CITY, Ground.OPEN)
    process.came_online(CITY, Ground.OPEN, timedelta(hours=1))
    await process.flush()
    process.admitted(CITY, Ground.OPEN)
    await process.flush()
    records = await read(store, now)
    assert [one.count for one in records.tries] == [2]
    assert [one.bound_s for one in records.waits] == [inf]


async def test_what_was_written_in_part_is_not_counted_twice(
    store: PostgresStatistics, database: Database, now: datetime
) -> None:
    process = Tallying(store, lambda: now)
    process.admitted(CITY, Ground.OPEN)
    process.came_online(CITY, Ground.OPEN, timedelta(seconds=3))
    await database.fetch(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION USING ERRCODE = 'admin_shutdown'; END $$"
    )
    await database.fetch(
        "CREATE TRIGGER refuse BEFORE INSERT ON wait_tally FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    await process.flush()
    await database.fetch("DROP TRIGGER refuse ON wait_tally")
    await process.flush()
    records = await read(store, now)
    assert [one.count for one in records.tries] == [1]
    assert [one.count for one in records.waits] == [1]


async def test_an_outage_does_not_fill_the_memory(store: PostgresStatistics, now: datetime) -> None:
    process = Tallying(store, lambda: now)
    for number in range(MOST_KEPT + 5):
        process.admitted(SiteId(f"site-{number}"), Ground.CARD)
    process.admitted(SiteId("site-1"), Ground.CARD)
    assert sum(process._tries.values()) == MOST_KEPT + 1


async def test_a_machine_tells_of_itself_and_who_is_online(
    store: PostgresStatistics, database: Database, now: datetime
) -> None:
    async def describe(at: datetime) -> NodeReport:
        return NodeReport("gateway", at, "1.0", in_step=True, gate_answers=True, gate_devices=2)

    await database.fetch(
        "INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because,"
        " last_seen_at, trace_key, device_trace) VALUES (gen_random_uuid(), 'open',"
        " '02:00:00:00:00:01', 'city', $1, $2, 'time_limit', $1, 'k',"
        " decode(repeat('00', 32), 'hex'))",
        *(now, now + timedelta(hours=1)),
    )
    times = [now, now + timedelta(minutes=2), now + timedelta(minutes=5)]
    for _ in range(2):
        for at in times:
            reporting = Reporting(store, [CITY, BRANCH], describe, lambda at=at: at)
            await reporting.note()
    records = await read(store, times[-1])
    assert sorted((one.at, one.site_id, one.count) for one in records.samples) == [
        *((bucket_of(now), site, count) for site, count in ((BRANCH, 0), (CITY, 1))),
        *((bucket_of(times[-1]), site, count) for site, count in ((BRANCH, 0), (CITY, 1))),
    ]
    assert records.online == {CITY: 1}
    assert [(one.node, one.at, one.gate_devices) for one in records.nodes] == [
        ("gateway", times[-1], 2)
    ]


async def test_who_looks_is_told_once_for_all(
    store: PostgresStatistics, database: Database, now: datetime
) -> None:
    overview = Overview(store)
    first = await overview.records(now)
    process = Tallying(store, lambda: now)
    process.admitted(CITY, Ground.CARD)
    await process.flush()
    assert await overview.records(now + timedelta(seconds=3)) == first
    later = await overview.records(now + timedelta(seconds=5))
    assert later is not None
    assert [one.count for one in later[1].tries] == [1]
    await database.close()


@dataclass
class Slow:
    """A store that answers when it is told to, and counts who asked."""

    records: Records
    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def read(self, since: datetime, now: datetime) -> Records:
        assert since < now
        self.asked += 1
        await self.go.wait()
        return self.records


async def test_all_who_look_at_once_ask_once(store: PostgresStatistics, now: datetime) -> None:
    slow = Slow(await read(store, now))
    overview = Overview(slow)  # type: ignore[arg-type]
    lookers = [asyncio.create_task(overview.records(now)) for _ in range(30)]
    while not slow.asked:
        await asyncio.sleep(0)
    slow.go.set()
    assert await asyncio.gather(*lookers) == [(now, slow.records)] * 30
    assert slow.asked == 1


async def test_who_asked_first_and_goes_away_keeps_nobody_waiting(
    store: PostgresStatistics, now: datetime
) -> None:
    slow = Slow(await read(store, now))
    overview = Overview(slow)  # type: ignore[arg-type]
    lookers = [asyncio.create_task(overview.records(now)) for _ in range(3)]
    while not slow.asked:
        await asyncio.sleep(0)
    lookers[0].cancel()
    slow.go.set()
    assert await asyncio.gather(*lookers[1:]) == [(now, slow.records)] * 2


async def test_what_is_older_than_an_hour_comes_in_half_hours(
    store: PostgresStatistics, now: datetime
) -> None:
    await store.add(
        [
            TryCount(now - timedelta(minutes=5 * number), CITY, "card", "admitted", "", 1)
            for number in range(1, 37)
        ],
        [WaitCount(now - timedelta(minutes=5 * n), CITY, "card", 5.0, 1) for n in range(1, 37)],
    )
    records = await read(store, now)
    begins = [now - timedelta(minutes=30 * number) for number in (6, 5, 4, 3)]
    for counted in (records.tries, records.waits):
        early = [(one.at, one.count) for one in counted if one.at <= now - timedelta(hours=1)]
        # the moment an hour ago itself is older than the last hour
        assert early == [*((at, 6) for at in begins), (now - timedelta(hours=1), 1)]
        assert sum(one.count for one in counted) == 36
        assert {one.count for one in counted if one.at > now - timedelta(hours=1)} == {1}
