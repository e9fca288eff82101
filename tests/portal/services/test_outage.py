"""The database is away while guests come and go: what they meet, and what is known afterwards.

Failure direction: without the site's wish, or a disk to write on, sign-ins are refused; nobody is
put out, nobody comes back who has logged out, and what happened is written down once.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import WhenDown
from portal.services.courtesy import Courtesy
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, Online, RefusalReason, Refused
from portal.services.reconcile import Reconciliation
from portal.services.spooling import SpooledEvents
from portal.storage.arrivals import PostgresArrivals
from portal.storage.courtesy import PostgresCourtesies
from portal.storage.database import Database, Deadlines
from portal.storage.events import PostgresEvents
from portal.storage.replay import Replay
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from portal.storage.spool import DiskSpool
from tests.portal.services.fakes import FakeGate, FakeLibrary

MAIN = SiteId("main")
GOOD, WRONG = ("20000000000001", "1234"), ("20000000000001", "9999")
MINUTE = timedelta(minutes=1)
SERVICE_DOWN = Refused(RefusalReason.SERVICE_DOWN)


def device(number: int) -> Device:
    return Device(MacAddress(f"02:00:00:00:00:{number:02x}"), MAIN)


class Outage:
    """One portal, one keeper, a database that can be away for the portal, and a disk."""

    def __init__(
        self, doors: Doors, database: Database, away: Database, spool: DiskSpool, now: datetime
    ) -> None:
        main = replace(doors.sites[MAIN], database_down=WhenDown.COURTESY)
        self._doors = replace(doors, sites={**doors.sites, MAIN: main}, spool=spool)
        self.database, self._away = database, away
        self.spool = spool
        self.now = now
        self.sessions = PostgresSessions(database)
        self.keeper = Reconciliation(
            self.sessions, doors.gate, [MAIN], Replay(spool, database).drain
        )
        self._courtesies = PostgresCourtesies(away)
        self.courtesy = Courtesy(self._on(away), self._courtesies)
        self.guest = GuestService(self.courtesy._doors, courtesy=self.courtesy)

    def _on(self, database: Database) -> Doors:
        return replace(
            self._doors,
            sessions=PostgresSessions(database),
            attempts=PostgresAttempts(database),
            arrivals=PostgresArrivals(database),
            events=SpooledEvents(PostgresEvents(database), self.spool),
        )

    def database_returns(self) -> None:
        """The same portal, with its memory, reaches the database again."""
        for store in (self.courtesy._doors.sessions, self.courtesy._doors.attempts):
            store._database = self.database  # type: ignore[attr-defined]
        for other in (self.courtesy._doors.arrivals, self._courtesies):
            other._database = self.database  # type: ignore[attr-defined]

    async def sign_in(self, number: int, typed: tuple[str, str] = GOOD) -> Admitted | Refused:
        card, pin = map(Secret, typed)
        return await self.guest.sign_in_with_card(device(number), card, pin, self.now)

    async def let_in(self, number: int, typed: tuple[str, str] = GOOD) -> Session:
        outcome = await self.sign_in(number, typed)
        assert isinstance(outcome, Admitted), outcome
        return outcome.session

    async def session(self, number: int) -> Session | None:
        return await self.sessions.find(device(number).mac)


@pytest.fixture
async def outage(
    doors: Doors, database: Database, tmp_path: Path, now: datetime
) -> AsyncIterator[Outage]:
    deadlines = Deadlines(0.05, 0.05)
    async with Database("postgresql:///x?host=/nowhere", deadlines=deadlines) as away:
        yield Outage(doors, database, away, DiskSpool(tmp_path / "spool"), now)


async def test_a_guest_gets_in_and_stays(
    outage: Outage, gate: FakeGate, library: FakeLibrary
) -> None:
    given = await outage.let_in(1)
    assert given.ground is Ground.COURTESY
    assert gate.devices.keys() == {device(1).mac}
    assert await outage.guest.standing(device(1), outage.now) == Online(given)
    assert not library.asked, "nobody is asked without a reservation"
    outage.database_returns()
    standing = await outage.guest.standing(device(1), outage.now)
    assert standing == Online(given), "also before the keeper has written it down"
    await outage.keeper.run(outage.now)
    assert gate.devices.keys() == {device(1).mac}, "the comparison puts nobody out"
    assert await outage.session(1) == given
    await outage.courtesy.check_waiting(outage.now + MINUTE)
    session = await outage.session(1)
    assert session is not None
    assert (session.id, session.ground) == (given.id, Ground.CARD)
    assert await outage.database.fetch("SELECT FROM sign_in_attempt WHERE outcome = 'ok'")


async def test_who_is_in_for_longer_keeps_that_time(outage: Outage, gate: FakeGate) -> None:
    """The portal has restarted and knows nobody: a guest who is online logs in once more."""
    gate.devices[device(1).mac] = 30_000.0
    await outage.let_in(1)
    assert gate.devices == {device(1).mac: 30_000.0}


async def test_the_check_waits_for_the_keeper(outage: Outage, library: FakeLibrary) -> None:
    await outage.let_in(1)
    outage.database_returns()
    await outage.courtesy.check_waiting(outage.now)
    assert (outage.courtesy.waiting, library.asked.total()) == (1, 0)


async def test_a_wrong_pin_is_found_out(outage: Outage, gate: FakeGate) -> None:
    await outage.let_in(1, WRONG)
    outage.database_returns()
    await outage.keeper.run(outage.now)
    await outage.courtesy.check_waiting(outage.now)
    assert await outage.session(1) is None
    assert gate.devices == {}
    standing = await outage.guest.standing(device(1), outage.now)
    assert isinstance(standing, Captive)
    assert standing.last_end is EndReason.REVOKED


async def test_guesses_in_the_outage_are_limited_afterwards(
    outage: Outage, library: FakeLibrary
) -> None:
    for number in range(1, 6):
        await outage.let_in(number, WRONG)
    outage.database_returns()
    await outage.keeper.run(outage.now)
    await outage.courtesy.check_waiting(outage.now)
    assert library.wrong[WRONG[0]] == 3
    assert [await outage.session(number) for number in range(1, 6)] == [None] * 5


async def test_once_a_day_also_afterwards(outage: Outage) -> None:
    await outage.let_in(1)
    await outage.guest.sign_out(device(1), outage.now)
    assert await outage.sign_in(1) == SERVICE_DOWN
    outage.database_returns()
    await outage.keeper.run(outage.now)
    rows = await outage.database.fetch("SELECT FROM courtesy")
    assert len(rows) == 1


async def test_who_logs_out_stays_out(outage: Outage, gate: FakeGate) -> None:
    """A log-out without the database closes the gate now, and ends the session afterwards."""
    await outage.let_in(1)
    assert await outage.guest.sign_out(device(1), outage.now + MINUTE)
    assert gate.devices == {}
    outage.database_returns()
    await outage.keeper.run(outage.now + MINUTE)
    assert gate.devices == {}
    assert await outage.session(1) is None


async def test_a_log_out_before_the_keeper_knew_of_the_session(
    outage: Outage, gate: FakeGate
) -> None:
    await outage.let_in(1)
    outage.database_returns()
    assert await outage.guest.sign_out(device(1), outage.now + MINUTE)
    assert isinstance(await outage.guest.standing(device(1), outage.now + MINUTE), Captive)
    await outage.keeper.run(outage.now + MINUTE)
    assert (gate.devices, await outage.session(1)) == ({}, None)


async def test_a_refusal_is_written_down_once(
    doors: Doors, outage: Outage, database: Database
) -> None:
    plain = {**outage._doors.sites, MAIN: doors.sites[MAIN]}
    courtesy = Courtesy(replace(outage._on(outage._away), sites=plain), outage._courtesies)
    guest = GuestService(courtesy._doors, courtesy=courtesy)
    for number in (1, 2, 3):
        card, pin = map(Secret, GOOD)
        answer = await guest.sign_in_with_card(device(number), card, pin, outage.now)
        assert answer == SERVICE_DOWN
    for _ in range(2):
        await outage.keeper.run(outage.now)
    rows = await database.fetch("SELECT detail FROM event WHERE kind = 'sign_in_refused'")
    assert [row["detail"] for row in rows] == ['{"reason": "service"}'] * 3


async def test_without_a_disk_nobody_gets_in(
    outage: Outage, gate: FakeGate, tmp_path: Path
) -> None:
    (tmp_path / "spool").touch()
    assert await outage.sign_in(1) == SERVICE_DOWN
    assert gate.devices == {}
    assert not await outage.guest.sign_out(device(1), outage.now)
