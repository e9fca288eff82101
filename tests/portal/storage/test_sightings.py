"""Counters and signs of life on a real PostgreSQL: counted once, whatever was repeated or lost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import MacAddress
from portal.domain.session import EndReason, Session
from portal.services.ports.keeping import Noted, Sighting
from portal.storage.database import Database
from portal.storage.sessions import PostgresSessions
from portal.storage.sightings import PostgresSightings
from tests.portal.storage.test_contracts import BRANCH, MAIN, mac, opening

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def sessions(database: Database) -> PostgresSessions:
    return PostgresSessions(database)


class Keeper:
    """Notes what it is told, as the presence service does, and reads the row back."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.sightings = PostgresSightings(database)
        self.sessions = PostgresSessions(database)
        self.now = now
        self.before: tuple[int, int] | None = None

    async def sees(self, up: int, down: int, *, at: datetime | None = None) -> Session:
        sighting = Sighting(mac(1), up, down, before=self.before, seen_at=at)
        noted = await self.sightings.note([MAIN], [sighting], self.now)
        assert noted == Noted(frozenset([mac(1)]), frozenset())
        self.before = (up, down)
        return await self.session()

    async def session(self) -> Session:
        session = await self.sessions.find(mac(1))
        assert session is not None
        return session

    async def counted(self) -> tuple[int, int]:
        session = await self.session()
        return session.upload_bytes, session.download_bytes


@pytest.fixture
async def keeper(database: Database, now: datetime) -> Keeper:
    keeper = Keeper(database, now + HOUR)
    await keeper.sessions.start(opening(1, now, hours=9))
    return keeper


async def test_bytes_are_counted_once(keeper: Keeper) -> None:
    await keeper.sees(100, 900)
    await keeper.sees(150, 900)
    await keeper.sees(150, 900)  # it was not known whether this was written
    assert await keeper.counted() == (150, 900)


async def test_a_keeper_that_restarted_goes_on_where_it_was(keeper: Keeper) -> None:
    await keeper.sees(100, 900)
    keeper.before = None
    await keeper.sees(130, 1000)
    assert await keeper.counted() == (130, 1000)


async def test_counters_that_began_anew_are_added(keeper: Keeper) -> None:
    """After a power cut the kernel counts from nothing; the session goes on."""
    await keeper.sees(100, 900)
    keeper.before = None
    await keeper.sees(7, 0)
    await keeper.sees(9, 5)
    assert await keeper.counted() == (109, 905)


async def test_the_next_session_of_a_device_does_not_inherit_bytes(
    keeper: Keeper, now: datetime
) -> None:
    await keeper.sees(100, 900)
    ended = await keeper.sessions.end((await keeper.session()).id, EndReason.REVOKED, now + HOUR)
    assert ended is not None
    await keeper.sessions.start(opening(1, now + HOUR, hours=9))
    await keeper.sees(120, 900)  # the gate never put it out
    assert await keeper.counted() == (20, 0)


async def test_what_ended_keeps_its_counters(
    keeper: Keeper, database: Database, now: datetime
) -> None:
    await keeper.sees(100, 900)
    await keeper.sessions.end((await keeper.session()).id, EndReason.REVOKED, now + HOUR)
    row = await database.fetch_row("SELECT upload_bytes, download_bytes FROM past_session")
    assert row is not None
    assert tuple(row) == (100, 900)


async def test_signs_move_last_seen_forward_only(keeper: Keeper, now: datetime) -> None:
    assert (await keeper.sees(0, 0)).last_seen_at == now  # the first look is no sign
    assert (await keeper.sees(0, 0, at=now + 5 * SECOND)).last_seen_at == now + 5 * SECOND
    assert (await keeper.sees(0, 0, at=now - HOUR)).last_seen_at == now + 5 * SECOND
    keeper.before = None
    assert (await keeper.sees(0, 4)).last_seen_at == keeper.now  # moved while no keeper looked


async def test_other_sites_gates_add_what_their_keeper_saw(keeper: Keeper, now: datetime) -> None:
    await keeper.sees(100, 900)
    elsewhere = PostgresSightings(keeper.sightings._database)
    first = Sighting(mac(1), 5000, 5000)
    await elsewhere.note([BRANCH], [first], now)
    moved = replace(first, up_bytes=5001, before=(5000, 5000), seen_at=now + 2 * HOUR)
    await elsewhere.note([BRANCH], [moved], now)
    assert await keeper.counted() == (101, 900)
    assert (await keeper.session()).last_seen_at == now + 2 * HOUR
    await keeper.sees(110, 900)
    assert await keeper.counted() == (111, 900)


async def test_a_succeeded_session_that_shows_again_takes_its_place(
    keeper: Keeper, database: Database
) -> None:
    await database.fetch("UPDATE live_session SET succeeded = true")
    sighting = Sighting(mac(1), 1, 0)
    noted = await keeper.sightings.note([MAIN], [sighting], keeper.now)
    assert noted == Noted(frozenset([mac(1)]), frozenset([mac(1)]))
    again = replace(sighting, up_bytes=2, again=True)
    assert (await keeper.sightings.note([MAIN], [again], keeper.now)).succeeded == frozenset()
    assert not (await keeper.session()).succeeded


async def test_a_row_that_somebody_holds_waits_for_the_next_look(
    keeper: Keeper, database: Database
) -> None:
    async with database.connection() as other, other.transaction():
        await other.execute("SELECT FROM live_session FOR UPDATE")
        unheard = [Sighting(mac(1), 1, 2), Sighting(MacAddress("02:00:00:00:00:99"), 1, 2)]
        assert (await keeper.sightings.note([MAIN], unheard, keeper.now)).written == frozenset()
    await keeper.sees(1, 2)
    assert await keeper.counted() == (1, 2)


async def test_two_thousand_at_once(keeper: Keeper, database: Database) -> None:
    await database.fetch(
        "INSERT INTO live_session SELECT gen_random_uuid(), ground, subject, "
        "('02:01:00:00:' || to_char(n / 100, 'FM00') || ':' || to_char(n % 100, 'FM00'))::macaddr, "
        "site_id, started_at, ends_at, ends_because, last_seen_at, protected_until, extensions, "
        "trace_key, device_trace, subject_trace FROM live_session, generate_series(0, 1999) AS n"
    )
    rows = await database.fetch("SELECT mac FROM live_session")
    sightings = [Sighting(MacAddress(row["mac"]), 3, 4) for row in rows]
    assert len((await keeper.sightings.note([MAIN], sightings, keeper.now)).written) == 2001
    row = await database.fetch_row("SELECT sum(upload_bytes) AS up FROM live_session")
    assert row is not None
    assert row["up"] == 3 * 2001


async def test_absence_needs_an_hour_unseen_and_no_tutor(
    keeper: Keeper, database: Database, now: datetime
) -> None:
    session = await keeper.sees(0, 0, at=now + HOUR)
    absent = EndReason.ABSENT
    assert await keeper.sessions.end(session.id, absent, now + 2 * HOUR - SECOND) is None
    await database.fetch("UPDATE live_session SET protected_until = $1", now + 5 * HOUR)
    assert await keeper.sessions.end(session.id, absent, now + 3 * HOUR) is None
    ended = await keeper.sessions.end(session.id, absent, now + 5 * HOUR)
    assert ended is not None
    assert (ended.end_reason, ended.ended_at) == (absent, now + 5 * HOUR)


async def alarms(database: Database) -> int:
    query = "SELECT count(*) FROM event WHERE kind = 'device_at_two_places'"
    (row,) = await database.fetch(query)
    return int(row["count"])


async def test_a_device_at_two_places_at_once_makes_one_alarm(
    keeper: Keeper, database: Database, now: datetime
) -> None:
    """Two nodes look twice a minute, and both see it: a copied address, or two of one kind."""
    session, told = await keeper.session(), []
    for look in range(20):
        node = "main" if look % 2 == 0 else "branch"
        told += await keeper.sightings.place([mac(1), mac(9)], node, now + look * 15 * SECOND)
    assert told == [session.id]
    assert await alarms(database) == 1


async def test_a_walk_from_place_to_place_makes_none(
    keeper: Keeper, database: Database, now: datetime
) -> None:
    for look in range(40):  # there and back again every five minutes, looked at every half
        node = "main" if look // 10 % 2 == 0 else "branch"
        assert not await keeper.sightings.place([mac(1)], node, now + look * 30 * SECOND)
    assert await alarms(database) == 0


async def test_the_place_goes_with_the_session(
    keeper: Keeper, database: Database, now: datetime
) -> None:
    await keeper.sightings.place([mac(1)], "main", now)
    await keeper.sessions.end((await keeper.session()).id, EndReason.REVOKED, now + HOUR)
    assert await database.fetch("SELECT 1 FROM device_place") == []
