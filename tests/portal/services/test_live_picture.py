"""Who may be online, in memory: fresh after a notice, and kept as it is in an outage."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.services.live_picture import LOOKS_FOR_UNWRITTEN, Change, LivePicture
from portal.services.opening import new_id
from portal.services.places import Places
from portal.services.ports import DatabaseUnavailableError, Kept, Opening, Trace
from portal.services.ports.live import Place
from portal.storage.database import Database
from portal.storage.live import PostgresLive
from portal.storage.sessions import PostgresSessions
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.storage.outage import Outage

SITE = SiteId("village")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def mac(number: int) -> MacAddress:
    return MacAddress(f"02:00:00:00:00:{number:02x}")


class Watched:
    """A picture, what it told of, and sessions to look at."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.now = now
        self.sessions = PostgresSessions(database)
        self.picture = LivePicture(PostgresLive(database), lambda: self.now)
        self.told: list[Change] = []
        self.picture.changed.append(self._tell)

    def _tell(self, changes: Sequence[Change]) -> None:
        self.told.extend(changes)

    def make(self, number: int) -> Session:
        ends = (self.now + HOUR, EndReason.TIME_LIMIT)
        device = Device(mac(number), SITE)
        return start(new_id(self.now), Claim(Ground.ACCEPT), device, ends, self.now)

    async def let_in(self, number: int) -> Session:
        opening = Opening(self.make(number), Trace("log", bytes([number]) * 32), 5)
        return (await self.sessions.start(opening)).session

    def known(self, number: int) -> UUID | None:
        session = self.picture.session(mac(number), self.now)
        return None if session is None else session.id


@pytest.fixture
def kept(database: Database, now: datetime) -> Watched:
    return Watched(database, now)


async def one(session_id: UUID | None) -> AsyncIterator[UUID | None]:
    yield session_id


async def test_it_has_all_after_a_comparison_and_loses_what_ended(kept: Watched) -> None:
    first, second = await kept.let_in(1), await kept.let_in(2)
    assert kept.known(1) is None
    await kept.picture.compare()
    assert (kept.known(1), kept.known(2), len(kept.picture)) == (first.id, second.id, 2)
    await kept.sessions.end(first.id, EndReason.LOGGED_OUT, kept.now)
    await kept.picture.compare()
    assert (kept.known(1), kept.known(2)) == (None, second.id)
    assert [(c.mac, c.before is None, c.after is None) for c in kept.told] == [
        (mac(1), True, False),
        (mac(2), True, False),
        (mac(1), False, True),
    ]


async def test_a_notice_is_enough(kept: Watched) -> None:
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(kept.picture.keep())
        await kept.picture.is_loaded.wait()
        session = await kept.let_in(1)
        await kept.picture.hear(one(session.id))
        while kept.known(1) is None:
            await asyncio.sleep(0.005)
        await kept.sessions.end(session.id, EndReason.LOGGED_OUT, kept.now)
        await kept.picture.hear(one(session.id))
        while kept.known(1) is not None:
            await asyncio.sleep(0.005)
        keeping.cancel()


async def test_a_session_that_is_due_is_nobodys(kept: Watched) -> None:
    await kept.let_in(1)
    await kept.picture.compare()
    kept.now += HOUR
    assert kept.known(1) is None


async def test_another_session_of_the_device_takes_its_place(kept: Watched) -> None:
    first = await kept.let_in(1)
    await kept.picture.compare()
    await kept.sessions.end(first.id, EndReason.REPLACED, kept.now)
    kept.now += MINUTE
    second = await kept.let_in(1)
    kept.picture.note(second)
    await kept.picture.compare()
    assert kept.known(1) == second.id
    assert all(change.after is not None for change in kept.told), "it was never without"


async def test_an_outage_changes_nothing(kept: Watched, postgres_dsn: str) -> None:
    session, outage = await kept.let_in(1), Outage(postgres_dsn)
    await kept.picture.compare()
    await outage.begin()
    with pytest.raises(DatabaseUnavailableError):
        await kept.picture.compare()
    assert kept.known(1) == session.id
    await outage.end()


async def test_where_else_a_device_was_let_in_is_known(kept: Watched) -> None:
    session = await kept.let_in(1)
    await kept.picture.compare()
    await kept.sessions.admit_at(session.id, SiteId("city"))
    await kept.picture.compare()
    kept.picture.note(session)
    known = kept.picture.session(mac(1), kept.now)
    assert known is not None
    assert known.elsewhere == {SiteId("city")}


async def test_what_stands_on_disk_only_is_waited_for_and_no_longer(kept: Watched) -> None:
    kept.picture.hold(kept.make(1))
    for _ in range(LOOKS_FOR_UNWRITTEN):
        await kept.picture.compare()
        assert kept.known(1) is not None
    await kept.picture.compare()
    assert kept.known(1) is None


def place(number: int, at: datetime, *, let_in: bool = True) -> Place:
    return Place(
        mac(number), "ap", at, let_in, "10.1.2.3", b"name\0\xff", b"5A1F", b"0A", "192.0.2.1",
        "192.0.2.2", b"hall", 7, b"0200aa", b"\xff\r\n",
    )  # fmt: skip


def granted(number: int, at: datetime, until: datetime) -> Place:
    return place(number, at)._replace(granted_until=until, has_idle_timeout=False)


def elsewhere(number: int, at: datetime, name: bytes, *, let_in: bool = True) -> Place:
    return place(number, at, let_in=let_in)._replace(nas_identifier=name)


async def test_places_are_written_and_found_by_others(database: Database, now: datetime) -> None:
    store = PostgresLive(database)
    ours, theirs = Places(store), Places(store)
    ours.note(place(1, now))
    await ours.write()
    await theirs.look_up([mac(1)])
    known = theirs.get(mac(1))
    assert known is not None
    assert known.place == place(1, now)._replace(let_in_at=now)


async def test_a_device_may_be_in_at_several_access_points(
    database: Database, now: datetime
) -> None:
    store = PostgresLive(database)
    ours, theirs = Places(store), Places(store)
    for minute, name in enumerate((b"hall", b"attic", b"yard")):
        ours.note(elsewhere(1, now + minute * MINUTE, name))
    await ours.write()
    await theirs.look_up([mac(1)])
    for places in (ours, theirs):
        known = places.get(mac(1))
        assert known is not None
        assert known.place.nas == b"yard"
        assert {one.nas for one in known.elsewhere} == {b"hall", b"attic"}
    ours.left(elsewhere(1, now + HOUR, b"attic"))
    ours.left(elsewhere(1, now + HOUR, b"yard"))
    known = ours.get(mac(1))
    assert known is not None
    assert [one.nas for one in known.places] == [b"yard", b"hall"]
    await ours.write()
    written = {one.nas: one.let_in for one in await store.places([mac(1)])}
    assert written == {b"yard": True, b"hall": True, b"attic": False}


async def test_a_stop_of_the_visit_before_says_nothing_of_this_one(
    database: Database, now: datetime
) -> None:
    places = Places(PostgresLive(database))
    places.note(elsewhere(1, now, b"hall"))
    places.note(elsewhere(1, now + MINUTE, b"yard"))
    places.left(elsewhere(1, now + HOUR, b"hall")._replace(accounting_session_id=b"0001"))
    known = places.get(mac(1))
    assert known is not None
    assert len(known.elsewhere) == 1


async def test_a_walk_past_many_access_points_costs_little(
    database: Database, now: datetime
) -> None:
    places = Places(PostgresLive(database))
    for number in range(30):
        places.note(elsewhere(1, now + number * MINUTE, b"%d" % number))
    known = places.get(mac(1))
    assert known is not None
    assert [one.nas for one in known.elsewhere] == [b"%d" % n for n in range(28, 20, -1)]


async def test_what_another_process_granted_is_known_when_accounting_is_heard(
    database: Database, now: datetime
) -> None:
    store = PostgresLive(database)
    await store.keep_places([granted(1, now, now + HOUR)._replace(let_in_at=now)])
    places = Places(store)
    places.note(place(1, now + MINUTE))
    await places.write()
    [written] = await store.places([mac(1)])
    assert (written.let_in_at, written.granted_until) == (now, now + HOUR)
    assert written.has_idle_timeout is False
    places.told(place(1, now), now + HOUR, let_in=False)
    await places.write()
    [written] = await store.places([mac(1)])
    assert (written.let_in_at, written.granted_until, written.has_idle_timeout) == (None,) * 3


async def test_what_was_told_by_another_process_is_not_overwritten_by_what_is_remembered(
    database: Database, now: datetime
) -> None:
    """One lets in and hears accounting; another tells the access point of a new end meanwhile."""
    store = PostgresLive(database)
    ours, theirs = Places(store), Places(store)
    ours.note(granted(1, now, now + HOUR))
    ours.note(place(1, now))
    await ours.write()
    [written] = await store.places([mac(1)])
    assert written.granted_until == now + HOUR, "not lost to what came after it in the queue"
    await theirs.look_up([mac(1)])
    later = now + 5 * MINUTE
    theirs.told(
        place(1, now), later, let_in=True, granted_until=now + 3 * HOUR, has_idle_timeout=True
    )
    await theirs.write()
    ours.note(place(1, later + MINUTE))
    await ours.write()
    [written] = await store.places([mac(1)])
    assert (written.heard_at, written.granted_until) == (later + MINUTE, now + 3 * HOUR)
    assert written.has_idle_timeout is True


async def test_an_older_note_changes_nothing(database: Database, now: datetime) -> None:
    store = PostgresLive(database)
    places = Places(store)
    places.note(place(1, now, let_in=True))
    places.note(place(1, now - MINUTE, let_in=False))
    await places.write()
    await store.keep_places([place(1, now - MINUTE, let_in=False)])
    assert await store.places([mac(1)]) == [place(1, now)._replace(let_in_at=now)]


async def test_who_is_where_he_was_is_not_written_again(database: Database, now: datetime) -> None:
    places = Places(PostgresLive(database))
    places.note(granted(1, now, now + HOUR), "station")
    await places.write()
    assert places.note_again(mac(1), "station", now + MINUTE, (now + HOUR, False))
    assert not places.note_again(mac(1), "station", now + MINUTE, (now + HOUR, True))
    assert not places.note_again(mac(1), "another", now + MINUTE, (now + HOUR, False))
    assert not places.note_again(mac(1), "station", now + HOUR, (now + HOUR, False))
    places.note(place(1, now + MINUTE))
    assert places._unwritten == {}
    places.note(place(1, now + HOUR))
    assert len(places._unwritten) == 1
    await places.write()
    [written] = await PostgresLive(database).places([mac(1)])
    assert (written.let_in_at, written.granted_until) == (now, now + HOUR), "as it was"


async def test_who_is_let_in_for_another_visit_is_written_again(
    database: Database, now: datetime
) -> None:
    """Another process may have put the device out between the two."""
    store = PostgresLive(database)
    ours, theirs = Places(store), Places(store)
    ours.note(granted(1, now, now + HOUR), "station")
    await ours.write()
    await theirs.look_up([mac(1)])
    theirs.told(place(1, now), now + MINUTE, let_in=False)
    await theirs.write()
    assert not ours.note_again(mac(1), "station", now + 2 * MINUTE, (now + 2 * HOUR, False))
    ours.note(granted(1, now + 2 * MINUTE, now + 2 * HOUR), "station")
    await ours.write()
    [written] = await store.places([mac(1)])
    assert written.let_in


async def test_another_visit_with_the_same_end_is_written_again(
    database: Database, now: datetime
) -> None:
    """All visits of a day may end as the library closes."""
    store = PostgresLive(database)
    ours, theirs = Places(store), Places(store)
    ours.note(granted(1, now, now + HOUR), ("station", "first visit"))
    await ours.write()
    await theirs.look_up([mac(1)])
    theirs.told(place(1, now), now + MINUTE, let_in=False)
    await theirs.write()
    again = ("station", "second visit")
    assert not ours.note_again(mac(1), again, now + 2 * MINUTE, (now + HOUR, False))
    ours.note(granted(1, now + 2 * MINUTE, now + HOUR), again)
    await ours.write()
    [written] = await store.places([mac(1)])
    assert written.let_in, "else nobody would put the device out"


async def test_who_was_let_in_and_is_forgotten_is_written_all_the_same(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of addresses at the portal makes nobody stay in for ever."""
    monkeypatch.setattr("portal.services.places.MOST", 2)
    store = PostgresLive(database)
    places = Places(store)
    places.note(granted(1, now, now + HOUR), "station")
    for number in (2, 3, 4):
        places.note(place(number, now, let_in=False))
    await places.write()
    found = await store.places([mac(number) for number in (1, 2, 3, 4)])
    assert {one.mac for one in found} == {mac(1), mac(3), mac(4)}
    for number in range(50):
        places.note(granted(number, now, now + HOUR), "station")
    assert len(places._unwritten) <= 5, "an access point that makes devices up fills no memory"


async def test_who_was_not_heard_of_for_longest_is_forgotten_first(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.services.places.MOST", 3)
    places = Places(PostgresLive(database))
    for number in (1, 2, 3):
        places.note(granted(number, now, now + HOUR), "station")
    places.note(place(1, now + MINUTE))
    assert places.note_again(mac(2), "station", now + MINUTE, (now + HOUR, False))
    places.learn([place(4, now)])
    assert [places.get(mac(number)) is None for number in (1, 2, 3, 4)] == [
        False,
        False,
        True,
        False,
    ]


async def test_a_place_that_the_database_refuses_holds_up_no_other(
    database: Database, now: datetime
) -> None:
    store = PostgresLive(database)
    places = Places(store)
    places.note(place(1, now)._replace(source_ip="\0"))  # no text of PostgreSQL's
    places.note(place(2, now))
    await places.write()
    assert [one.mac for one in await store.places([mac(1), mac(2)])] == [mac(2)]
    assert places._unwritten == {}


async def test_who_is_in_without_a_session_or_waits_with_one_is_found(
    kept: Watched, database: Database, now: datetime
) -> None:
    store = PostgresLive(database)
    await kept.let_in(1)
    await kept.let_in(2)
    await store.keep_places(
        [place(1, now), place(2, now, let_in=False), place(3, now), place(4, now, let_in=False)]
    )
    found = await store.misplaced(["ap"], now - MINUTE, now)
    assert {one.mac for one in found} == {mac(1), mac(2), mac(3)}, "of 1 no end is known"
    [session] = [one for one in await store.sessions(now) if one.mac == mac(1)]
    await store.keep_places([granted(1, now, session.due_at)])
    found = await store.misplaced(["ap"], now - MINUTE, now)
    assert {one.mac for one in found} == {mac(2), mac(3)}
    yard = elsewhere(2, now + MINUTE, b"yard")._replace(granted_until=now + 99 * HOUR)
    await store.keep_places([yard])
    found = await store.misplaced(["ap"], now - MINUTE, now)
    assert [(one.mac, one.nas) for one in found if one.mac == mac(2)] == [
        (mac(2), b"yard"),
        (mac(2), b"hall"),
    ], "with all its places"
    assert await store.misplaced(["other"], now - MINUTE, now) == []
    assert await store.misplaced(["ap"], now + MINUTE, now) == []


async def test_a_place_goes_a_day_after_its_device(
    kept: Watched, database: Database, now: datetime
) -> None:
    store, upkeep = PostgresLive(database), PostgresUpkeep(database)
    await kept.let_in(1)
    await store.keep_places([place(1, now), place(2, now)])
    await upkeep.tidy(Kept(), now + timedelta(hours=23))
    assert len(await store.places([mac(1), mac(2)])) == 2
    await upkeep.tidy(Kept(), now + timedelta(hours=25))
    assert [one.mac for one in await store.places([mac(1), mac(2)])] == [mac(1)]


async def test_what_cannot_be_written_now_is_written_later(
    database: Database, postgres_dsn: str, now: datetime
) -> None:
    places, outage = Places(PostgresLive(database)), Outage(postgres_dsn)
    await outage.begin()
    places.note(place(1, now)._replace(let_in=False))
    with pytest.raises(DatabaseUnavailableError):
        await places.write()
    await outage.end()
    while not await _is_written(places):
        await asyncio.sleep(0.05)
    assert len(await PostgresLive(database).places([mac(1)])) == 1


async def _is_written(places: Places) -> bool:
    try:
        await places.write()
    except DatabaseUnavailableError:
        return False
    return True
