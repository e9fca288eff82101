"""Absence where access points watch: silence counts only while they tell of anybody."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from portal.domain.access_point import AccessPoint
from portal.domain.accounting import Octets, Use, UseStatus
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.presence import Policy
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.domain.site import LoginMethod, Site
from portal.services.opening import new_id
from portal.services.ports import Opening, Trace
from portal.services.ports.accounting import UseRecord
from portal.services.radius_presence import RadiusPresence
from portal.storage.accounting import PostgresAccounts
from portal.storage.database import Database
from portal.storage.sessions import PostgresSessions

SITE = SiteId("village")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LIBRARY = Site(SITE, "Village", (LoginMethod.ACCEPT,), None, absence=Policy(2 * HOUR))


def mac(number: int) -> MacAddress:
    return MacAddress(f"02:00:00:00:00:{number:02x}")


@dataclass
class Watched:
    """A library whose access point tells of its devices, on a clock of the test's."""

    database: Database
    began_at: datetime
    ended: list[Session] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions = PostgresSessions(self.database)
        self.accounts = PostgresAccounts(self.database)
        self.presence = RadiusPresence(
            self.sessions, self.accounts, {SITE: LIBRARY}, self._note_end
        )
        self.presence.access_points = {"ap": AccessPoint("ap", SITE)}

    async def _note_end(self, session: Session, _now: datetime) -> None:
        self.ended.append(session)

    async def let_in(self, number: int) -> Session:
        now = self.began_at
        ends = (now + 20 * HOUR, EndReason.TIME_LIMIT)
        session = start(new_id(now), Claim(Ground.ACCEPT), Device(mac(number), SITE), ends, now)
        opening = Opening(session, Trace("log", bytes([number]) * 32), 5)
        return (await self.sessions.start(opening)).session

    async def tells(self, session: Session, minute: int) -> None:
        at = self.began_at + minute * MINUTE
        use = Use(UseStatus.INTERIM, at, at, Octets(1, 1), minute * MINUTE, session.id)
        name = session.id.bytes * 2
        await self.accounts.write([UseRecord(name, session.mac, use, "ap", SITE, b"ap")])

    async def look(self, minute: int) -> int:
        return await self.presence.look(self.began_at + minute * MINUTE, minute * 60.0)


@pytest.fixture
def watched(database: Database, now: datetime) -> Watched:
    return Watched(database, now)


async def test_a_device_that_left_is_absent_after_its_time(watched: Watched) -> None:
    left, stays = await watched.let_in(1), await watched.let_in(2)
    ended_in = None
    for minute in range(180):
        if minute % 5 == 0:
            await watched.tells(stays, minute)
            if minute <= 20:
                await watched.tells(left, minute)
        if await watched.look(minute) and ended_in is None:
            ended_in = minute
    assert [session.id for session in watched.ended] == [left.id]
    assert ended_in in range(140, 143)
    assert watched.ended[0].end_reason is EndReason.ABSENT
    assert await watched.sessions.find(stays.mac) is not None


async def test_an_access_point_that_tells_nothing_watches_nobody(watched: Watched) -> None:
    session = await watched.let_in(1)
    for minute in range(400):
        if minute <= 20 and minute % 5 == 0:
            await watched.tells(session, minute)
        assert await watched.look(minute) == 0


async def test_a_device_that_nobody_ever_told_of_is_not_absent(watched: Watched) -> None:
    await watched.let_in(1)
    stays = await watched.let_in(2)
    for minute in range(300):
        if minute % 5 == 0:
            await watched.tells(stays, minute)
        assert await watched.look(minute) == 0


async def test_a_time_without_us_does_not_count(watched: Watched) -> None:
    left, stays = await watched.let_in(1), await watched.let_in(2)
    for minute in (*range(60), *range(180, 255)):
        if minute % 5 == 0:
            await watched.tells(stays, minute)
            if minute <= 20:
                await watched.tells(left, minute)
        assert await watched.look(minute) == 0, minute


async def test_accounts_that_fell_silent_are_closed(watched: Watched) -> None:
    session = await watched.let_in(1)
    await watched.tells(session, 5)
    for minute in (6, 10, 19):
        await watched.look(minute)
    rows = await watched.database.fetch("SELECT closed_by FROM accounting_session")
    assert rows[0]["closed_by"] is None
    await watched.look(25)
    rows = await watched.database.fetch("SELECT closed_by FROM accounting_session")
    assert rows[0]["closed_by"] == "silence"
