"""Time without internet is not charged: counted once, whoever counts, and never past closing.

Failure direction: with the database away nothing is counted until it is back; an outage whose end
nobody saw is counted until somebody looks, in the guest's favour.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import EndReason
from portal.domain.site import Site
from portal.domain.uplink import Uplink
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted
from portal.services.uncharged import Uncharged
from portal.services.uplink import UplinkWatch
from portal.storage.database import Database, Deadlines
from portal.storage.outages import PostgresOutages

MAIN = SiteId("main")
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
UP = Uplink()


class Library:
    """A site whose visits last an hour, and two nodes that keep account."""

    def __init__(self, doors: Doors, database: Database) -> None:
        limited = replace(doors.sites[MAIN], time_limit=60 * MINUTE)
        self.sites: dict[SiteId, Site] = {**doors.sites, MAIN: limited}
        self.guest = GuestService(replace(doors, sites=self.sites))
        self.doors, self.database = doors, database
        self.node, self.other = self.started(), self.started()

    def started(self) -> Uncharged:
        return Uncharged(PostgresOutages(self.database), self.sites)

    async def let_in(self, number: int, now: datetime) -> datetime:
        device = Device(MacAddress(f"02:00:00:00:00:{number:02x}"), MAIN)
        outcome = await self.guest.accept(device, now)
        assert isinstance(outcome, Admitted)
        return outcome.session.ends_at

    async def end_of(self, number: int) -> tuple[datetime, EndReason]:
        session = await self.doors.sessions.find(MacAddress(f"02:00:00:00:00:{number:02x}"))
        assert session is not None
        return session.ends_at, session.ends_because

    async def counted(self) -> list[int]:
        rows = await self.database.fetch(
            "SELECT (detail->>'seconds')::int AS seconds FROM event "
            "WHERE kind = 'uplink_returned' AND site_id = 'main' ORDER BY at"
        )
        return [row["seconds"] for row in rows]


@pytest.fixture
def library(doors: Doors, database: Database) -> Library:
    return Library(doors, database)


def down(since: datetime) -> Uplink:
    return Uplink(misses=2, missed_since=since)


async def test_an_outage_moves_the_end_by_its_length(library: Library, now: datetime) -> None:
    end = await library.let_in(1, now)
    cut = now + 10 * MINUTE
    for seconds in (4, 6, 14, 30):
        await library.node.follow(down(cut), cut + seconds * SECOND)
    late = await library.let_in(2, cut + 30 * SECOND)
    await library.node.follow(UP, cut + 90 * SECOND)
    await library.node.follow(UP, cut + 92 * SECOND)
    assert await library.end_of(1) == (end + 90 * SECOND, EndReason.TIME_LIMIT)
    assert await library.end_of(2) == (late + 60 * SECOND, EndReason.TIME_LIMIT)
    assert await library.counted() == [90]


async def test_nobody_is_cut_off_meanwhile(library: Library, now: datetime) -> None:
    end = await library.let_in(1, now)
    cut = end - 30 * SECOND
    at = cut + 4 * SECOND
    while at < cut + 10 * MINUTE:
        await library.node.follow(down(cut), at)
        assert await library.doors.sessions.end_due([MAIN], at) == []
        at += 2 * SECOND
    await library.node.follow(UP, cut + 10 * MINUTE)
    assert (await library.end_of(1))[0] == end + 10 * MINUTE


async def test_two_nodes_and_a_restart_count_once(library: Library, now: datetime) -> None:
    end = await library.let_in(1, now)
    cut = now + MINUTE
    await library.node.follow(down(cut), cut + 20 * SECOND)
    await library.other.follow(down(cut + SECOND), cut + 21 * SECOND)
    restarted = library.started()
    await restarted.follow(down(cut + 25 * SECOND), cut + 40 * SECOND)
    await restarted.follow(UP, cut + 60 * SECOND)
    await library.other.follow(UP, cut + 61 * SECOND)
    assert await library.end_of(1) == (end + 60 * SECOND, EndReason.TIME_LIMIT)
    assert await library.counted() == [60]


async def test_one_node_up_and_one_down_count_no_moment_twice(
    library: Library, now: datetime
) -> None:
    end = await library.let_in(1, now)
    cut = now + MINUTE
    for seconds in range(20, 100, 20):
        await library.node.follow(down(cut), cut + seconds * SECOND)
        await library.started().follow(UP, cut + seconds * SECOND + SECOND)
    assert (await library.end_of(1))[0] <= end + 82 * SECOND


async def test_an_outage_that_ended_unseen_is_closed(library: Library, now: datetime) -> None:
    end = await library.let_in(1, now)
    await library.node.follow(down(now + MINUTE), now + 2 * MINUTE)
    await library.started().follow(UP, now + 5 * MINUTE)
    assert (await library.end_of(1))[0] == end + 4 * MINUTE


async def test_closing_time_stays(library: Library, now: datetime) -> None:
    """18.00 UTC and a quarter of an hour: the outage cannot move that."""
    closing = now.replace(hour=18, minute=15)
    await library.let_in(1, closing - 70 * MINUTE)
    await library.let_in(2, closing - 50 * MINUTE)
    cut = closing - 45 * MINUTE
    await library.node.follow(down(cut), cut + 30 * MINUTE)
    await library.node.follow(UP, cut + 30 * MINUTE)
    assert await library.end_of(1) == (closing, EndReason.CLOSING_TIME)
    assert await library.end_of(2) == (closing, EndReason.CLOSING_TIME)


async def test_one_miss_and_a_clock_set_back_change_nothing(
    library: Library, now: datetime
) -> None:
    end = await library.let_in(1, now)
    await library.node.follow(Uplink(1, now), now + SECOND)
    await library.node.follow(down(now + MINUTE), now + 2 * MINUTE)
    await library.node.follow(down(now + MINUTE), now)
    await library.node.follow(UP, now + SECOND)
    assert (await library.end_of(1))[0] == end + MINUTE


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    async with Database("postgresql:///x?host=/nowhere", deadlines=Deadlines(0.05, 0.05)) as gone:
        yield gone


async def test_the_database_is_away_too(library: Library, away: Database, now: datetime) -> None:
    end = await library.let_in(1, now)
    outages = PostgresOutages(away)
    node = Uncharged(outages, library.sites)
    cut = now + MINUTE
    await node.follow(down(cut), cut + 10 * SECOND)
    outages._database = library.database
    await node.follow(down(cut), cut + 20 * SECOND)
    outages._database = away
    await node.follow(UP, cut + 60 * SECOND)
    outages._database = library.database
    await node.follow(UP, cut + 300 * SECOND)
    assert (await library.end_of(1))[0] == end + 60 * SECOND, "until it was back, not until now"


async def test_the_watch_tells_of_every_look(now: datetime) -> None:
    looks = iter([True, False, False, True])
    told: list[bool] = []

    async def look() -> bool:
        return next(looks)

    async def changed(state: Uplink) -> None:
        told.append(state.down_since is not None)

    watch = UplinkWatch(look, lambda: now, changed)
    seen = []
    for _ in range(4):
        await watch.look_once()
        seen.append(watch.is_down())
    assert seen == told == [False, False, True, False]
