"""The keeper's tidying: what is due goes, keys included, whatever fails beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portal import keeper as keeping
from portal.domain.clock_jump import ClockReading
from portal.domain.identity import MacAddress, SiteId
from portal.keeper import Keeper
from portal.services.clock_watch import ClockWatch
from portal.services.key_ring import KeyRing
from portal.services.ports import DatabaseUnavailableError, Kept
from portal.services.reconcile import Reconciliation
from tests.portal.services.fakes import FakeGate
from tests.portal.services.stores import MemoryAttempts, MemoryClocks, MemorySessions

MAC = MacAddress("02:00:00:00:00:01")


class Upkeep:
    """Counts how often it was asked; fails the first time when told so."""

    def __init__(self, *, fails_first: bool = False) -> None:
        self.asked = 0
        self._fails_first = fails_first

    async def tidy(self, kept: Kept, now: datetime) -> int:
        assert kept == Kept()
        assert now.tzinfo is not None
        self.asked += 1
        if self._fails_first and self.asked == 1:
            raise DatabaseUnavailableError
        return 0


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "TIDY_EVERY_S", 0.01)


@asynccontextmanager
async def tidying(upkeep: Upkeep, keys: KeyRing, now: datetime) -> AsyncIterator[None]:
    sessions = MemorySessions(MemoryAttempts())
    reconciliation = Reconciliation(sessions, FakeGate(), [SiteId("main")])
    clock = ClockWatch(MemoryClocks(sessions), {}, lambda: ClockReading(now, 100.0), "one")
    keeper = Keeper(reconciliation, upkeep, clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keeper.tidy(Kept(), keys))
        yield
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
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
