"""The keeper's clock: sessions move before anything is judged; closing times are believed later."""

from dataclasses import replace
from datetime import datetime, timedelta

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
    await reconciliation.run(await clock.now())
    left_s = gate.devices[MAC]
    machine.passes(MINUTE, jump=jump)
    now = await clock.now()
    assert await reconciliation.end_due(now) == 0
    await reconciliation.run(now)
    assert gate.devices[MAC] == left_s - 60
    assert await live(doors) == move(session, jump)
    machine.passes(timedelta(seconds=left_s - 61))
    assert await reconciliation.end_due(await clock.now()) == 0
    machine.passes(SECOND)
    assert await reconciliation.end_due(await clock.now()) == 1


async def test_nothing_is_judged_before_the_sessions_moved(doors: Doors, machine: Machine) -> None:
    nowhere = "postgresql://kvar@/postgres?host=/nonexistent"
    async with Database(nowhere, deadlines=Deadlines(0.1, 0.1)) as away:
        clock = ClockWatch(PostgresClocks(away), doors.sites, machine.read, "one")
        for _ in range(2):
            with pytest.raises(DatabaseUnavailableError):
                await clock.now()
            machine.passes(MINUTE, jump=HOUR)


async def test_a_keeper_that_was_away_finds_the_jump(
    clock: ClockWatch, machine: Machine, session: Session, doors: Doors
) -> None:
    await clock.now()
    machine.passes(HOUR, jump=YEAR)
    successor = ClockWatch(clock.clocks, clock.sites, machine.read, "one")
    await successor.now()
    assert await live(doors) == move(session, YEAR)


async def test_closing_time_is_believed_when_the_clock_is_steady(
    clock: ClockWatch, machine: Machine, session: Session, doors: Doors
) -> None:
    """It had been an hour slow: closing is at its own time, as soon as that is sure."""
    await clock.now()
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
    await clock.now()
    machine.passes(MINUTE, jump=9 * HOUR)
    await clock.now()
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
    await clock.now()
    booted = Machine(now - 50 * YEAR)
    started = ClockWatch(clock.clocks, clock.sites, booted.read, "two")
    await reconciliation.run(await started.now())
    assert 0 < gate.devices[MAC] <= 50 * 3600, "what the gate takes at most"
    booted.passes(MINUTE, jump=50 * YEAR)
    assert await reconciliation.end_due(await started.now()) == 0
    assert replace(await live(doors)) == session
