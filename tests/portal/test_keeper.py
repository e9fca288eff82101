"""The keeper's loops: what is due goes whatever fails beside it; a neighbour is waited for."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from portal import keeper as keeping
from portal.domain.clock_jump import ClockReading
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.domain.site import LoginMethod, Site
from portal.keeper import Keeper
from portal.services.clock_watch import ClockWatch
from portal.services.key_ring import KeyRing
from portal.services.ports import DatabaseUnavailableError, GateUnavailableError, Kept
from portal.services.ports.keeping import SnapshotNotWrittenError
from portal.services.ports.purging import Evidence
from portal.services.purging import Purging
from portal.services.reconcile import Reconciliation
from tests.portal.services.fakes import FakeGate
from tests.portal.services.stores import MemoryAttempts, MemoryClocks, MemorySessions

MAC = MacAddress("02:00:00:00:00:01")
MAIN = SiteId("main")
SITE = Site(MAIN, "Main", (LoginMethod.ACCEPT,), None)
HOUR = timedelta(hours=1)


class Upkeep:
    """Counts how often it was asked; fails the first time when told so."""

    def __init__(self, *, fails_first: bool = False) -> None:
        self.asked = 0
        self._fails_first = fails_first

    async def tidy(self, kept: Kept, now: datetime, deleted: Counter[str] | None = None) -> int:
        assert (kept, deleted) == (Kept(), Counter(devices_today=0))
        assert now.tzinfo is not None
        self.asked += 1
        if self._fails_first and self.asked == 1:
            raise DatabaseUnavailableError
        return 0

    async def oldest(self) -> Mapping[str, datetime | None]:
        return {}

    async def note(self, evidence: Evidence) -> None:
        assert evidence.deleted == {"devices_today": 0}

    async def last_run(self) -> Evidence | None:
        raise AssertionError


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TIDY", "PRESENCE", "LOOK", "BELIEVE"):
        monkeypatch.setattr(keeping, f"{name}_EVERY_S", 0.01)
    monkeypatch.setattr(keeping, "SNAPSHOT_PAUSE_S", 0.01)


class Machine:
    """Both clocks, standing still until a test sets one."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def read(self) -> ClockReading:
        return ClockReading(self.now, 100.0)


class House:
    """A keeper with its memory stores and its fake gate."""

    def __init__(
        self, now: datetime, upkeep: Upkeep | None = None, keys: KeyRing | None = None
    ) -> None:
        self.sessions = MemorySessions(MemoryAttempts())
        self.gate, self.machine = FakeGate(), Machine(now)
        self.reconciliation = Reconciliation(self.sessions, self.gate, [MAIN])
        clock = ClockWatch(MemoryClocks(self.sessions), {MAIN: SITE}, self.machine.read, "one")
        purging = Purging(upkeep or Upkeep(), keys or KeyRing(Path("/nowhere")), Kept())
        self.keeper = Keeper(self.reconciliation, purging, clock)


@asynccontextmanager
async def running(*loops: Coroutine[object, object, None]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in loops]
        yield
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def tidying(upkeep: Upkeep, keys: KeyRing, now: datetime) -> AsyncIterator[None]:
    async with running(House(now, upkeep, keys).keeper.tidy()):
        yield


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def stems_in(directory: Path) -> set[str]:
    return {path.stem for path in directory.iterdir()}


@pytest.mark.parametrize("fails_first", [False, True])
async def test_keys_of_what_is_long_deleted_are_destroyed(
    tmp_path: Path, now: datetime, fails_first: bool
) -> None:
    keys = KeyRing(tmp_path)
    for days in (0, 7, 30, 60):
        keys.trace(MAC, None, now - timedelta(days=days))
    upkeep = Upkeep(fails_first=fails_first)
    async with tidying(upkeep, keys, now):
        await until(lambda: upkeep.asked > 1)
    assert stems_in(tmp_path) == {"log-2026-w48", "log-2026-w47", "log-2026-w44"}


async def test_a_key_that_cannot_be_destroyed_stops_nothing(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "log-2020-w01.key").mkdir()
    upkeep = Upkeep()
    async with tidying(upkeep, KeyRing(tmp_path), now):
        await until(lambda: upkeep.asked > 2)


def session_at(now: datetime) -> Session:
    ends = (now + HOUR, EndReason.TIME_LIMIT)
    return start(UUID(int=1), Claim(Ground.ACCEPT), Device(MAC, MAIN), ends, now)


class Disk:
    """Remembers what was saved; refuses so many times first."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.asked = 0
        self.saved: list[Mapping[MacAddress, datetime]] = []

    async def save(self, devices: Mapping[MacAddress, datetime], now: datetime) -> None:
        assert now.tzinfo is not None
        self.asked += 1
        if self.asked <= self.refusals:
            raise SnapshotNotWrittenError("No space left on device")
        self.saved.append(dict(devices))


async def test_what_the_gate_agreed_to_is_written(now: datetime) -> None:
    house, disk = House(now), Disk()
    async with running(house.keeper.keep_snapshot(disk, lambda: now)):
        await house.reconciliation.run(now)
        await until(lambda: disk.saved == [{}])
        house.sessions.live[MAC] = session_at(now)
        await house.reconciliation.follow(now)
        await until(lambda: disk.saved == [{}, {MAC: now + HOUR}])
        await house.reconciliation.follow(now)
        await asyncio.sleep(0.05)
    assert len(disk.saved) == 2, "nothing had changed"


async def test_nothing_is_written_that_the_gate_did_not_agree_to(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SNAPSHOT_EVERY_S", 0.01)
    house, disk = House(now), Disk()
    house.gate.failures = 1
    with pytest.raises(GateUnavailableError):
        await house.reconciliation.run(now)
    async with running(house.keeper.keep_snapshot(disk, lambda: now)):
        await asyncio.sleep(0.1)
        assert disk.asked == 0
        await house.reconciliation.run(now)
        await until(lambda: len(disk.saved) > 2)  # now and then also without a change


async def test_a_full_disk_is_told_once_and_tried_again(
    now: datetime, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keeping, "SNAPSHOT_EVERY_S", 0.01)
    house, disk = House(now), Disk(refusals=3)
    await house.reconciliation.run(now)
    async with running(house.keeper.keep_snapshot(disk, lambda: now)):
        await until(lambda: len(disk.saved) > 0)
    assert capsys.readouterr().out.count("snapshot_not_written") == 1


class Looks:
    """Stands in for the presence service: fails twice, then looks."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    async def look(self, now: datetime, now_s: float) -> int:
        assert now.tzinfo is not None
        self.seen.append(now_s)
        if len(self.seen) == 1:
            raise GateUnavailableError
        if len(self.seen) == 2:
            raise DatabaseUnavailableError
        return 0


async def test_presence_goes_on_when_a_neighbour_is_back(now: datetime) -> None:
    looks = Looks()
    async with running(House(now).keeper.keep_presence(looks)):
        await until(lambda: len(looks.seen) > 3)
    assert looks.seen == sorted(looks.seen)


async def test_after_a_jump_everything_is_compared_on_the_new_clock(now: datetime) -> None:
    house = House(now)
    house.sessions.live[MAC] = session_at(now)
    keeper = house.keeper
    async with running(keeper.keep_in_step(), keeper.end_on_time(), keeper.believe_closing()):
        await until(lambda: house.gate.devices == {MAC: 3600.0})
        house.gate.devices = {}
        house.machine.now = now - 365 * 24 * HOUR
        await until(lambda: house.gate.devices == {MAC: 3600.0})
