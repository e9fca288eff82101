"""The contract of services.ports.returning, on PostgreSQL and in memory alike."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.returning import RememberedDevice, Ticket
from portal.domain.session import Claim, EndReason, Ground, start
from portal.services.ports import Kept, Opening, Sessions, Started, Trace
from portal.services.ports.returning import Known, Names, Returns
from portal.storage.database import Database
from portal.storage.returning import PostgresReturns
from portal.storage.sessions import PostgresSessions
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.services.stores import MemoryAttempts, MemoryReturns, MemorySessions

MAIN = SiteId("main")
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
CARD, OTHER_CARD = Subject(b"c" * 32), Subject(b"o" * 32)
_ids = count(1)


@dataclass
class Stores:
    sessions: Sessions
    returns: Returns


@pytest.fixture(params=["memory", "postgres"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        sessions = MemorySessions(MemoryAttempts())
        return Stores(sessions, MemoryReturns(sessions))
    database: Database = request.getfixturevalue("database")
    return Stores(PostgresSessions(database), PostgresReturns(database))


def mac(number: int) -> MacAddress:
    return MacAddress(f"02:00:00:00:00:{number:02x}")


def trace(number: int) -> bytes:
    return b"t" * 31 + bytes([number])


def name(number: int, year: int = 0) -> Subject:
    return Subject(b"n" * 30 + bytes([year, number]))


def opening(
    number: int,
    now: datetime,
    subject: Subject | None = CARD,
    ground: Ground = Ground.REMEMBERED,
    most: int = 3,
) -> Opening:
    at = Device(mac(number), MAIN)
    ends = (now + HOUR, EndReason.TIME_LIMIT)
    session = start(UUID(int=next(_ids)), Claim(ground, subject), at, ends, now)
    return Opening(session, Trace("log", trace(number), subject), most)


def device(number: int, now: datetime, subject: Subject = CARD) -> RememberedDevice:
    return RememberedDevice(
        UUID(int=next(_ids)), name(number), subject, "iPhone", now, now, now, now + 90 * DAY
    )


def names(number: int) -> Names:
    return Names(trace(number), (name(number, 1), name(number)))


async def known(stores: Stores, number: int, now: datetime) -> Known:
    found = await stores.returns.known({mac(number): names(number), mac(99): names(99)}, now)
    assert set(found) <= {mac(number)}
    return found.get(mac(number), Known())


async def on_ticket(stores: Stores, wanted: Opening, *, pressed: bool = False) -> Started | None:
    return await stores.returns.take_up(wanted, None, name(0), pressed=pressed)


SILENT = Ticket(Ground.REMEMBERED, CARD, datetime(2100, 1, 1, tzinfo=UTC), silently=True)


async def last_reason(stores: Stores, devices: list[bytes], since: datetime) -> EndReason | None:
    last = await stores.sessions.last_end(devices, since)
    return None if last is None else last.reason


async def test_a_ticket_is_good_once(stores: Stores, now: datetime) -> None:
    ticket = replace(SILENT, until=now + HOUR)
    await stores.returns.offer(trace(1), ticket)
    assert await known(stores, 1, now) == Known(ticket)
    assert await known(stores, 1, now + HOUR) == Known()
    wanted = opening(1, now)
    assert await on_ticket(stores, wanted) == Started(wanted.session, is_new=True)
    assert await known(stores, 1, now) == Known()
    await stores.sessions.end(wanted.session.id, EndReason.LOGGED_OUT, now)
    assert await on_ticket(stores, opening(1, now)) is None
    assert await stores.sessions.find(mac(1)) is None


async def test_a_ticket_is_the_last_one_written(stores: Stores, now: datetime) -> None:
    await stores.returns.offer(trace(1), replace(SILENT, until=now + HOUR))
    second = Ticket(Ground.TUTOR, None, now + 2 * HOUR, silently=False)
    await stores.returns.offer(trace(1), second)
    assert await known(stores, 1, now) == Known(second)


async def test_a_ticket_goes_with_any_session_of_its_device(stores: Stores, now: datetime) -> None:
    for number in (1, 2):
        await stores.returns.offer(trace(number), replace(SILENT, until=now + HOUR))
    await stores.sessions.start(opening(1, now, None, Ground.ACCEPT))
    assert await known(stores, 1, now) == Known()
    assert await known(stores, 2, now) != Known()


async def test_a_ticket_for_a_press_wants_one(stores: Stores, now: datetime) -> None:
    await stores.returns.offer(trace(1), replace(SILENT, until=now + HOUR, silently=False))
    assert await on_ticket(stores, opening(1, now)) is None
    assert await on_ticket(stores, opening(1, now), pressed=True) is not None


async def test_a_ticket_lets_in_its_own_guest_only_and_not_after_its_day(
    stores: Stores, now: datetime
) -> None:
    await stores.returns.offer(trace(1), replace(SILENT, until=now + HOUR))
    assert await on_ticket(stores, opening(1, now, OTHER_CARD)) is None
    assert await on_ticket(stores, opening(1, now, None)) is None
    assert await on_ticket(stores, opening(2, now)) is None
    assert await on_ticket(stores, opening(1, now + HOUR)) is None


async def test_whoever_is_in_already_stays_as_it_is(stores: Stores, now: datetime) -> None:
    running = opening(1, now, OTHER_CARD, Ground.CARD)
    await stores.sessions.start(running)
    await stores.returns.offer(trace(1), replace(SILENT, until=now + HOUR))
    assert await on_ticket(stores, opening(1, now)) == Started(running.session, is_new=False)


async def test_nobody_gives_way_to_a_device_that_comes_by_itself(
    stores: Stores, now: datetime
) -> None:
    for number in (1, 2):
        await stores.sessions.start(opening(number, now, most=2))
    await stores.returns.offer(trace(3), replace(SILENT, until=now + DAY))
    assert await on_ticket(stores, opening(3, now + MINUTE, most=2)) is None
    started = await on_ticket(stores, opening(3, now + MINUTE, most=2), pressed=True)
    assert started is not None
    assert len(started.put_out) == 1


async def test_who_is_over_takes_no_place(stores: Stores, now: datetime) -> None:
    await stores.sessions.start(opening(1, now, most=1))
    later = now + HOUR
    await stores.returns.offer(trace(2), replace(SILENT, until=now + DAY))
    assert await on_ticket(stores, opening(2, later, most=1)) is not None


async def test_a_remembered_device_comes_back_under_its_new_name(
    stores: Stores, now: datetime
) -> None:
    first = device(1, now)
    await stores.returns.remember(first, [name(1, 1), name(1)], 5)
    assert await known(stores, 1, now) == Known(None, first)
    assert await known(stores, 1, first.expires_at) == Known()
    later = now + DAY
    after = replace(first, name=name(1, 1), last_visit_at=later, expires_at=later + 90 * DAY)
    wanted = opening(1, later)
    started = await stores.returns.take_up(wanted, after, name(1), pressed=False)
    assert started == Started(wanted.session, is_new=True)
    assert await known(stores, 1, later) == Known(None, after)


async def test_a_device_that_was_forgotten_meanwhile_stays_out(
    stores: Stores, now: datetime
) -> None:
    kept = device(1, now)
    wanted = opening(1, now)
    assert await stores.returns.take_up(wanted, kept, name(1), pressed=True) is None
    await stores.returns.remember(replace(kept, subject=OTHER_CARD), [name(1)], 5)
    assert await stores.returns.take_up(wanted, kept, name(1), pressed=True) is None


async def test_after_a_log_out_not_even_a_press_helps_that_day(
    stores: Stores, now: datetime
) -> None:
    kept = device(1, now)
    await stores.returns.remember(kept, [name(1)], 5)
    await stores.returns.pause(Names(trace(1), (name(1, 1), name(1))), now + HOUR)
    assert await known(stores, 1, now) == Known(None, replace(kept, paused_until=now + HOUR))
    assert await stores.returns.take_up(opening(1, now), kept, name(1), pressed=False) is None
    assert await stores.returns.take_up(opening(1, now), kept, name(1), pressed=True) is None
    later = opening(1, now + HOUR)
    assert await stores.returns.take_up(later, kept, name(1), pressed=False) is not None
    assert await known(stores, 1, now) == Known(None, replace(kept, last_visit_at=now + HOUR))


async def test_after_a_log_out_there_is_no_ticket(stores: Stores, now: datetime) -> None:
    ticket = Ticket(Ground.REMEMBERED, CARD, now + HOUR, silently=True)
    for number in (1, 2):
        await stores.returns.offer(trace(number), ticket)
    await stores.returns.pause(Names(trace(1), (name(1),)), now + HOUR)
    assert await known(stores, 1, now) == Known()
    assert await known(stores, 2, now) == Known(ticket)


async def test_remembering_again_takes_the_place_of_all_its_names(
    stores: Stores, now: datetime
) -> None:
    await stores.returns.remember(device(1, now), [name(1)], 5)
    again = replace(device(1, now + DAY, OTHER_CARD), name=name(1, 1))
    await stores.returns.remember(again, [name(1, 1), name(1)], 5)
    assert await known(stores, 1, now) == Known(None, again)
    assert await stores.returns.of_subject(CARD, now) == []
    third = replace(again, id=UUID(int=next(_ids)), subject=CARD, label="iPad")
    await stores.returns.remember(third, [name(1, 1), name(1)], 5)
    assert await stores.returns.of_subject(CARD, now) == [third]


async def test_a_card_has_so_many_devices_and_lists_its_own(stores: Stores, now: datetime) -> None:
    await stores.returns.remember(device(9, now, OTHER_CARD), [name(9)], 2)
    kept = [device(number, now + number * DAY) for number in (1, 2, 3)]
    for each in kept:
        await stores.returns.remember(each, [each.name], 2)
    assert await stores.returns.of_subject(CARD, now) == [kept[2], kept[1]]
    await stores.returns.remember(kept[1], [kept[1].name], 2)  # again: no other one goes
    assert await stores.returns.of_subject(CARD, now) == [kept[2], kept[1]]
    assert len(await stores.returns.of_subject(OTHER_CARD, now)) == 1


async def test_forgetting(stores: Stores, now: datetime) -> None:
    kept = [device(number, now) for number in (1, 2, 3)]
    for each in kept:
        await stores.returns.remember(each, [each.name], 5)
    assert await stores.returns.forget([name(1, 1), name(1)])
    assert not await stores.returns.forget([name(1, 1), name(1)])
    assert not await stores.returns.forget_of(OTHER_CARD, kept[1].id)
    assert await stores.returns.forget_of(CARD, kept[1].id)
    assert not await stores.returns.forget_of(CARD, kept[1].id)
    assert await stores.returns.forget_for_staff([name(3)], MAIN, 47, "berit", now)
    assert not await stores.returns.forget_for_staff([name(3)], MAIN, 47, "berit", now)
    assert await stores.returns.of_subject(CARD, now) == []


async def test_a_card_that_is_no_good_is_forgotten_with_all_that_came_by_itself(
    stores: Stores, now: datetime
) -> None:
    last_year = Subject(b"l" * 32)
    await stores.returns.remember(device(1, now), [name(1)], 5)
    await stores.returns.remember(device(2, now, last_year), [name(2)], 5)
    await stores.returns.remember(device(3, now, OTHER_CARD), [name(3)], 5)
    await stores.returns.offer(trace(4), replace(SILENT, until=now + DAY))
    await stores.sessions.start(opening(5, now))
    await stores.sessions.start(opening(6, now, ground=Ground.CARD))
    await stores.sessions.start(opening(7, now, OTHER_CARD))
    assert await stores.returns.forget_card([CARD, last_year], now) == [mac(5)]
    for number in (1, 2, 4):
        assert await known(stores, number, now) == Known()
    assert await known(stores, 3, now) != Known()
    assert await last_reason(stores, [trace(5)], now) is EndReason.REVOKED
    assert await stores.sessions.find(mac(6)) is not None


async def test_a_card_gets_its_name_of_the_year(stores: Stores, now: datetime) -> None:
    kept = device(1, now)
    await stores.returns.remember(kept, [name(1)], 5)
    await stores.returns.rename(CARD, OTHER_CARD, now + DAY)
    renamed = replace(kept, subject=OTHER_CARD, named_at=now + DAY)
    assert await stores.returns.of_subject(OTHER_CARD, now) == [renamed]


async def test_a_ticket_is_used_once_by_many_at_once(database: Database, now: datetime) -> None:
    returns = PostgresReturns(database)
    await returns.offer(trace(1), replace(SILENT, until=now + HOUR))
    asked = await asyncio.gather(
        *(returns.take_up(opening(1, now), None, name(1), pressed=False) for _ in range(10))
    )
    assert [started is not None for started in asked] == [True] * 10
    assert sum(started.is_new for started in asked if started) == 1


async def test_what_is_due_is_tidied_away(database: Database, now: datetime) -> None:
    returns, upkeep = PostgresReturns(database), PostgresUpkeep(database)
    await returns.offer(trace(1), replace(SILENT, until=now + HOUR))
    await returns.remember(device(1, now), [name(1)], 5)
    assert await upkeep.tidy(Kept(), now) == 0
    assert await upkeep.tidy(Kept(), now + 2 * HOUR) == 1
    assert await upkeep.tidy(Kept(), now + 91 * DAY) == 1
