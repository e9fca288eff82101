"""The redirected probe: a device that comes back is recognised at once, or it is redirected."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import Session
from portal.services import threshold as asking
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.ports import DatabaseUnavailableError
from portal.services.returning import Returning
from portal.services.threshold import Threshold
from tests.portal.services.fakes import FakeGate
from tests.portal.services.stores import MemoryAttempts, MemorySessions

IP, STRANGER = "10.44.0.20", "10.44.0.99"
PHONE = Device(MacAddress("02:00:00:00:00:01"), SiteId("main"))
LAPTOP = Device(MacAddress("02:00:00:00:00:02"), SiteId("main"))


class Asked(MemorySessions):
    """Counts the questions; may be away, or slow until released."""

    def __init__(self) -> None:
        super().__init__(MemoryAttempts())
        self.questions: list[int] = []
        self.away = False
        self.held: asyncio.Event | None = None

    async def of_devices(self, macs: Sequence[MacAddress]) -> Mapping[MacAddress, Session]:
        self.questions.append(len(macs))
        if self.held is not None:
            await self.held.wait()
        if self.away:
            raise DatabaseUnavailableError
        return await super().of_devices(macs)


@pytest.fixture
def sessions() -> Asked:
    return Asked()


@pytest.fixture
async def threshold(
    doors: Doors,
    sessions: Asked,
    gate: FakeGate,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Threshold]:
    monkeypatch.setattr(asking, "PATIENCE_S", 60.0)
    gate.addresses = {IP: PHONE, STRANGER: LAPTOP, "2001:db8::1": LAPTOP}
    doors = replace(doors, sessions=sessions)
    await GuestService(doors).accept(PHONE, now)
    gate.devices.clear()
    made = Threshold(gate, Returning(doors), lambda: now)
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        work = group.create_task(made.work())
        yield made
        work.cancel()


async def test_who_has_a_session_is_recognised_and_welcomed(
    threshold: Threshold, gate: FakeGate
) -> None:
    found = await threshold.recognise(IP)
    assert found is not None
    assert gate.devices == {}, "not before the connection is closed"
    await threshold.welcome(IP, found)
    assert set(gate.devices) == {PHONE.mac}


async def test_strangers_are_looked_for_once(threshold: Threshold, sessions: Asked) -> None:
    asked = [STRANGER, STRANGER, "192.0.2.1", "2001:db8::1"]
    for _ in range(50):
        assert await asyncio.gather(*map(threshold.recognise, asked)) == [None] * 4
    assert sessions.questions == [2]


async def test_probes_at_once_are_one_question(threshold: Threshold, sessions: Asked) -> None:
    found = await asyncio.gather(*(threshold.recognise(IP) for _ in range(200)))
    assert all(one is not None for one in found)
    assert sessions.questions == [1]


async def test_a_slow_database_keeps_nobody_waiting(
    threshold: Threshold, sessions: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.5)
    sessions.held = asyncio.Event()
    clock = asyncio.get_running_loop().time
    began = clock()
    assert await asyncio.gather(*(threshold.recognise(IP) for _ in range(100))) == [None] * 100
    assert began + asking.PATIENCE_S <= clock()
    began = clock()
    for _ in range(100):
        assert await threshold.recognise(IP) is None
    assert clock() < began + asking.PATIENCE_S, "nobody waits for what is known to be slow"
    sessions.held.set()
    while await threshold.recognise(IP) is None:
        await asyncio.sleep(0.01)


async def test_a_neighbour_that_is_away_is_left_in_peace(
    threshold: Threshold, sessions: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "REST_S", 3600.0)
    sessions.away = True
    assert await threshold.recognise(IP) is None
    for _ in range(20):
        assert await threshold.recognise("2001:db8::1") is None
    assert sessions.questions == [1]


async def test_who_cannot_be_let_in_meets_the_page(threshold: Threshold, gate: FakeGate) -> None:
    found = await threshold.recognise(IP)
    assert found is not None
    gate.failures = 1
    await threshold.welcome(IP, found)
    assert await threshold.recognise(IP) is None


async def test_a_crowd_beyond_measure_is_redirected(
    threshold: Threshold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_WAITING", 10)
    asked = [IP, *(f"192.0.2.{number}" for number in range(200))]
    found = await asyncio.gather(*map(threshold.recognise, asked))
    assert found[0] is not None
    assert found[1:] == [None] * 200
