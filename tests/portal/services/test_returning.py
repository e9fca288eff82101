"""Coming back: who has a session is let in unasked, and strangers cost next to nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import Session
from portal.services import doorkeeper as keeping
from portal.services.doorkeeper import MOST_WAITING, Doorkeeper
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.key_ring import KeyRing
from portal.services.ports import DatabaseUnavailableError, GateUnavailableError
from portal.services.returning import Returning
from portal.services.strangers import MOST, REMEMBERED_S, Strangers
from tests.portal.services.fakes import FakeGate
from tests.portal.services.stores import MemoryAttempts, MemorySessions

CARD, PIN = Secret("20000000000001"), Secret("1234")


def device(number: int, site: str = "main") -> Device:
    return Device(MacAddress(f"02:00:00:00:{number >> 8:02x}:{number & 0xFF:02x}"), SiteId(site))


class CountingSessions(MemorySessions):
    """Counts the questions, and can be away."""

    def __init__(self) -> None:
        super().__init__(MemoryAttempts())
        self.asked: list[int] = []
        self.away = False

    async def of_devices(self, macs: Sequence[MacAddress]) -> Mapping[MacAddress, Session]:
        self.asked.append(len(macs))
        if self.away:
            raise DatabaseUnavailableError
        return await super().of_devices(macs)


class Places:
    """Notes where devices were seen (the part of Sightings that the doorkeeper uses)."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[MacAddress], str]] = []

    async def place(self, macs: Sequence[MacAddress], place: str, now: datetime) -> list[UUID]:
        assert now.tzinfo
        self.seen.append((list(macs), place))
        return []


@pytest.fixture
def counted() -> CountingSessions:
    return CountingSessions()


@pytest.fixture
def doorkeeper(doors: Doors, counted: CountingSessions, now: datetime) -> Doorkeeper:
    return Doorkeeper(Returning(replace(doors, sessions=counted)), Places(), lambda: now)


async def test_a_device_with_a_session_is_let_in_wherever_it_began(
    doors: Doors, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.sign_in_with_card(device(1, "branch"), CARD, PIN, now)
    gate.devices.clear()
    returning = Returning(doors)
    found = await returning.recognise([device(1), device(2)], now)
    assert list(found) == [device(1).mac]
    await returning.let_in(found[device(1).mac], now)
    assert gate.devices == {device(1).mac: 21 * 3600}
    # ... and the next comparison at this site leaves it in
    assert [mac for mac, _ in await doors.sessions.admitted([SiteId("main")], now)] == [
        device(1).mac
    ]


async def test_a_session_that_is_due_lets_nobody_in(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    await guest.accept(device(1), now)
    late = now + timedelta(hours=8.25)
    assert await Returning(doors).recognise([device(1)], late) == {}
    assert list(await Returning(doors).recognise([device(1)], late - timedelta(seconds=1)))


async def test_devices_are_looked_for_together_and_strangers_not_again(
    doorkeeper: Doorkeeper, counted: CountingSessions
) -> None:
    for _ in range(3):
        for number in range(100):
            doorkeeper.see(device(number))
    await doorkeeper.let_in()
    assert counted.asked == [100]
    for number in range(101):
        doorkeeper.see(device(number))
    await doorkeeper.let_in()
    assert counted.asked == [100, 1]


async def test_a_flood_of_made_up_devices_is_bounded(
    doorkeeper: Doorkeeper, counted: CountingSessions
) -> None:
    for number in range(MOST_WAITING + 100):
        doorkeeper.see(device(number))
    for _ in range(MOST_WAITING // 100):
        await doorkeeper.let_in()
    assert sum(counted.asked) == MOST_WAITING
    await doorkeeper.let_in()
    assert counted.asked[-1] == 0


async def test_who_could_not_be_looked_for_goes_on_waiting(
    doors: Doors, guest: GuestService, gate: FakeGate, now: datetime
) -> None:
    await guest.accept(device(1), now)
    gate.devices.clear()
    doorkeeper = Doorkeeper(Returning(doors), Places(), lambda: now)
    doorkeeper.see(device(1))
    gate.failures = 1
    with pytest.raises(GateUnavailableError):
        await doorkeeper.let_in()
    await doorkeeper.let_in()
    assert set(gate.devices) == {device(1).mac}


async def test_work_outlives_a_database_that_is_away(
    doorkeeper: Doorkeeper, counted: CountingSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "RETRY_S", 0.01)
    counted.away = True
    doorkeeper.see(device(1))
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        work = group.create_task(doorkeeper.work())
        while len(counted.asked) < 3:
            await asyncio.sleep(0.01)
        counted.away = False
        while doorkeeper.waiting:
            await asyncio.sleep(0.01)
        work.cancel()


async def test_work_outlives_a_week_without_a_key(
    doors: Doors,
    counted: CountingSessions,
    tmp_path: Path,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full disk on a Monday must not end the process that keeps everybody else in."""
    monkeypatch.setattr(keeping, "RETRY_S", 0.01)
    (tmp_path / "full").touch()
    keys = KeyRing(tmp_path / "full" / "keys")
    doorkeeper = Doorkeeper(
        Returning(replace(doors, keys=keys, sessions=counted)), Places(), lambda: now
    )
    doorkeeper.see(device(1))
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        work = group.create_task(doorkeeper.work())
        while len(counted.asked) < 3:
            await asyncio.sleep(0.01)
        (tmp_path / "full").unlink()
        while doorkeeper.waiting:
            await asyncio.sleep(0.01)
        work.cancel()


def test_strangers_are_forgotten_in_time_and_in_number() -> None:
    strangers = Strangers()
    strangers.add("a", 100.0)
    assert strangers.has("a", 100.0 + REMEMBERED_S - 0.1)
    assert not strangers.has("b", 100.0)
    assert not strangers.has("a", 100.0 + REMEMBERED_S)
    assert len(strangers) == 0
    for number in range(MOST + 5):
        strangers.add(str(number), 100.0)
    assert len(strangers) == MOST
    assert not strangers.has("0", 100.0)
    assert strangers.has(str(MOST + 4), 100.0)


async def test_a_device_that_turns_up_at_another_site_is_told_of(
    doors: Doors, now: datetime
) -> None:
    places = Places()
    doorkeeper = Doorkeeper(Returning(doors), places, lambda: now)
    doorkeeper.see(device(1), moved=True)
    doorkeeper.see(device(2, "branch"), moved=True)
    doorkeeper.see(device(3))
    await doorkeeper.let_in()
    await doorkeeper.let_in()
    told = sorted(places.seen, key=lambda seen: seen[1])
    assert told == [([device(2).mac], "branch"), ([device(1).mac], "main")]
