"""The database is away: who is known gets in, and what was decided is written once afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.clock import utc_now
from portal.domain.identity import Device
from portal.domain.session import Ground
from portal.services.ports import DatabaseUnavailableError
from portal.services.remembered import Remembered
from portal.storage.database import Deadlines
from radius_bridge.access import AccessQuestion, Silence, Station, ToPortal
from radius_bridge.wire import Code
from tests.portal.access_points.running import SITE, Running, mac, running, session_of
from tests.portal.storage.outage import Outage

ACCEPT, REJECT = Code.ACCESS_ACCEPT, Code.ACCESS_REJECT
BRIEF = Deadlines(connect_s=1.0, statement_s=1.5)


@pytest.fixture
async def bridge(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    more = 'allowed_devices = ["02:00:00:00:00:63"]'
    async with running(postgres_dsn, tmp_path, more, deadlines=BRIEF) as started:
        yield started


@pytest.fixture
def outage(postgres_dsn: str) -> Outage:
    return Outage(postgres_dsn)


async def remember(bridge: Running, number: int) -> None:
    """A device that is remembered and not online now."""
    session = await bridge.let_in(number)
    device = Device(mac(number), SITE)
    await Remembered(bridge.memory.doors).remember(device, session, "iPhone", utc_now())
    await bridge.end(session)
    await bridge.memory.picture.compare()


async def drained(bridge: Running) -> int:
    while True:
        try:
            return await bridge.drain()
        except DatabaseUnavailableError:
            await asyncio.sleep(0.01)


async def compared(bridge: Running) -> None:
    """Read everything anew; a database that is back is still left alone for a moment."""
    while True:
        try:
            return await bridge.memory.picture.compare()
        except DatabaseUnavailableError:
            await asyncio.sleep(0.01)


async def test_sessions_and_allowed_devices_go_on(bridge: Running, outage: Outage) -> None:
    session = await bridge.let_in(1)
    await bridge.known(1)
    await outage.begin()
    for _ in range(3):
        assert session_of(await bridge.ask_by_mac(1)) == session.id
        assert (await bridge.ask_by_mac(0x63)).code == ACCEPT
        assert (await bridge.ask_by_mac(2)).code == REJECT, "the portal says what is the matter"
    await outage.end()


async def test_a_remembered_device_comes_back_and_is_written_once(
    bridge: Running, outage: Outage
) -> None:
    await remember(bridge, 1)
    await outage.begin()
    first = await bridge.ask_by_mac(1)
    assert first.code == ACCEPT
    assert session_of(await bridge.ask_by_mac(1)) == session_of(first)
    await outage.end()
    assert await drained(bridge) == 1
    assert await drained(bridge) == 0
    [row] = await bridge.rows("SELECT id, ground, subject, subject_trace FROM live_session")
    assert (row["id"], row["ground"]) == (session_of(first), Ground.REMEMBERED)
    assert row["subject"] is not None
    assert row["subject_trace"] is not None
    await compared(bridge)
    assert session_of(await bridge.ask_by_mac(1)) == session_of(first)


async def test_the_device_stays_until_its_session_is_written(
    bridge: Running, outage: Outage
) -> None:
    await remember(bridge, 1)
    await outage.begin()
    first = await bridge.ask_by_mac(1)
    await outage.end()
    await bridge.rows("SELECT 1")
    await compared(bridge)
    assert session_of(await bridge.ask_by_mac(1)) == session_of(first)
    for _ in range(4):
        await bridge.memory.picture.compare()
    await bridge.access_point.told(1)
    assert bridge.access_point.heard[0].code == Code.DISCONNECT_REQUEST


async def test_a_device_that_was_forgotten_meanwhile_gets_no_session(
    bridge: Running, outage: Outage
) -> None:
    await remember(bridge, 1)
    await outage.begin()
    assert (await bridge.ask_by_mac(1)).code == ACCEPT
    await outage.end()
    await bridge.rows("DELETE FROM remembered_device")
    assert await drained(bridge) == 1
    assert await bridge.rows("SELECT FROM live_session") == []


async def test_a_replay_after_the_end_starts_nothing_anew(bridge: Running, outage: Outage) -> None:
    await remember(bridge, 1)
    await outage.begin()
    await bridge.ask_by_mac(1)
    await outage.end()
    [file] = (bridge.directory / "spool").glob("*.json")
    record = file.read_bytes()
    assert await drained(bridge) == 1
    session = await bridge.memory.doors.sessions.find(mac(1))
    assert session is not None
    await bridge.end(session)
    file.write_bytes(record)
    assert await drained(bridge) == 1
    assert await bridge.rows("SELECT FROM live_session") == []


async def test_before_the_sessions_were_read_nobody_is_called_a_stranger(
    bridge: Running, outage: Outage
) -> None:
    await outage.begin()
    bridge.memory.picture.is_loaded.clear()
    station = Station(mac=mac(2), user_name=mac(2).encode(), source_ip="127.0.0.1")
    client = bridge.bridge.served.clients.named("ap")
    assert client is not None
    question = AccessQuestion(client, station, is_mac_authentication=True)
    assert await bridge.bridge.policy.ask(question) == Silence()
    await outage.end()
    await bridge.memory.picture.is_loaded.wait()
    assert isinstance(await bridge.bridge.policy.ask(question), ToPortal)
