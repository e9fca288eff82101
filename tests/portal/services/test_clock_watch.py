"""The keeper's clock: sessions move before anything is judged; closing times are believed later."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.clock_jump import ClockReading, move
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import EndReason, Session
from portal.services.clock_watch import ClockWatch
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.ports import DatabaseUnavailableError
from portal.services.reconcile import Reconciliation
from portal.storage.clocks import PostgresClocks
from portal.storage.database import Database, Deadlines
from tests.portal.services.fakes import FakeGate

MAIN, MAC = SiteId("main"), MacAddress("02:00:00:00:00:01")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
YEAR = timedelta(days=365)


class Machine:
    """Both clocks of a machine."""

    def __init__(self, now: datetime) -> None:
        self.wall = now
        self.monotonic_s = 1000.0

    def read(self) -> ClockReading:
        return ClockReading(self.wall, self.monotonic_s)

    def passes(self, time: timedelta, *, jump: timedelta = timedelta(0)) -> None:
        self.wall += time + jump
        self.monotonic_s += time.total_seconds()


async def now_by(clock: ClockWatch) -> datetime:
    async with clock.judging() as now:
        return now


@pytest.fixture
def machine(now: datetime) -> Machine:
    return Machine(now)


@pytest.fixture
def clock(database: Database, doors: Doors, machine: Machine) -> ClockWatch:
    sites = {MAIN: doors.sites[MAIN]}
    return ClockWatch(PostgresClocks(database), sites, machine.read, "one")


@pytest.fixture
def reconciliation(doors: Doors, gate: FakeGate) -> Reconciliation:
    return Reconciliation(doors.sessions, gate, [MAIN])


@pytest.fixture
async def session(guest: GuestService, doors: Doors, now: datetime) -> Session:
    await guest.accept(Device(MAC, MAIN), now)
    return await live(doors)


async def live(doors: Doors) -> Session:
    session = await doors.sessions.find(MAC)
    assert session is not None
    return session


@pytest.mark.parametrize("jump", [HOUR, -HOUR, YEAR, -YEAR])
async def test_a_jump_ends_nobody_and_gives_nobody_more(
    clock: ClockWatch,
    machine: Machine,
    reconciliation: Reconciliation,
    session: Session,
    doors: Doors,
    gate: FakeGate,
    jump: timedelta,
) -> None:
    await reconciliation.run(await now_by(clock))
    left_s = gate.devices[MAC]
    machine.passes(MINUTE, jump=jump)
    now = await now_by(clock)
    assert await reconciliation.end_due(now) == 0
    await reconciliation.run(now)
    assert gate.devices[MAC] == left_s - 60
    assert await live(doors) == move(session, jump)
    machine.passes(timedelta(seconds=left_s - 61))
    assert await reconciliation.end_due(await now_by(clock)) == 0
    machine.passes(SECOND)
    assert await reconciliation.end_due(await now_by(clock)) == 1


async def test_nothing_is_judged_before_the_sessions_moved(doors: Doors, machine: Machine) -> None:
    nowhere = "postgresql://kvar@/postgres?host=/nonexistent"
    async with Database(nowhere, deadlines=Deadlines(0.1, 0.1)) as away:
        clock = ClockWatch(PostgresClocks(away), doors.sites, machine.read, "one")
        for _ in range(2):
            with pytest.raises(DatabaseUnavailableError):
                await now_by(clock)
            machine.passes(MINUTE, jump=HOUR)


async def test_a_keeper_that_was_away_finds_the_jump(
    clock: ClockWatch, machine: Machine, session: Session, doors: Doors
) -> None:
    await now_by(clock)
    machine.passes(HOUR, jump=YEAR)
    successor = ClockWatch(clock.clocks, clock.sites, machine.read, "one")
    await now_by(successor)
    assert await live(doors) == move(session, YEAR)


async def test_closing_time_is_believed_when_the_clock_is_steady(
    clock: ClockWatch, machine: Machine, session: Session, doors: Doors
) -> None:
    """It had been an hour slow: closing is at its own time, as soon as that is sure."""
    await now_by(clock)
    machine.passes(MINUTE, jump=HOUR)
    assert not clock.is_in_doubt
    assert await clock.believe_closing() == 0
    assert clock.is_in_doubt
    assert (await live(doors)).ends_at == session.ends_at + HOUR
    machine.passes(9 * MINUTE)
    assert await clock.believe_closing() == 0
    machine.passes(MINUTE)
    assert await clock.believe_closing() == 1
    assert not clock.is_in_doubt
    believed = await live(doors)
    assert (believed.ends_at, believed.ends_because) == (session.ends_at, EndReason.CLOSING_TIME)
    assert await clock.believe_closing() == 0


@pytest.mark.usefixtures("session")
async def test_after_closing_it_ends_when_the_clock_is_steady(
    clock: ClockWatch, machine: Machine, doors: Doors
) -> None:
    await now_by(clock)
    machine.passes(MINUTE, jump=9 * HOUR)
    await now_by(clock)
    machine.passes(11 * MINUTE)
    assert await clock.believe_closing() == 1
    assert (await live(doors)).due_at == machine.wall


async def test_a_machine_that_starts_in_the_past_ends_nobody(
    clock: ClockWatch,
    reconciliation: Reconciliation,
    session: Session,
    doors: Doors,
    gate: FakeGate,
    now: datetime,
) -> None:
    await now_by(clock)
    booted = Machine(now - 50 * YEAR)
    started = ClockWatch(clock.clocks, clock.sites, booted.read, "two")
    await reconciliation.run(await now_by(started))
    assert 0 < gate.devices[MAC] <= 50 * 3600, "what the gate takes at most"
    booted.passes(MINUTE, jump=50 * YEAR)
    assert await reconciliation.end_due(await now_by(started)) == 0
    assert replace(await live(doors)) == session


@pytest.mark.usefixtures("session")
async def test_sessions_do_not_move_while_somebody_judges_by_the_time_of_before(
    clock: ClockWatch, machine: Machine, doors: Doors
) -> None:
    before = await live(doors)
    async with asyncio.TaskGroup() as group:
        async with clock.judging():
            machine.passes(SECOND, jump=-HOUR)
            second = group.create_task(now_by(clock))
            for _ in range(5):
                assert await live(doors) == before
        assert not second.done()
    assert await live(doors) == move(before, -HOUR)


async def test_the_night_of_a_clock_change_is_no_jump(
    clock: ClockWatch,
    machine: Machine,
    doors: Doors,
    guest: GuestService,
    reconciliation: Reconciliation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clocks in Stockholm go back at 01:00 UTC; a library there closes at its own 19:00."""
    monkeypatch.setenv("TZ", "Europe/Stockholm")
    time.tzset()
    try:
        machine.wall = datetime(2026, 10, 24, 15, 0, tzinfo=UTC)
        await guest.accept(Device(MAC, MAIN), machine.wall)
        assert (await live(doors)).due_at == datetime(2026, 10, 24, 17, 15, tzinfo=UTC)
        await now_by(clock)
        machine.passes(17 * HOUR)
        assert await reconciliation.end_due(await now_by(clock)) == 1
        await guest.accept(Device(MAC, MAIN), machine.wall + 2 * HOUR)
        assert (await live(doors)).due_at == datetime(2026, 10, 25, 18, 15, tzinfo=UTC)
        assert not clock.is_in_doubt
    finally:
        monkeypatch.undo()
        time.tzset()
