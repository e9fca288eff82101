"""What access points are told by themselves: who is let in after a login, and who is out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.domain.session import EndReason
from radius_bridge.wire import Code
from tests.portal.access_points.running import Running, mac, running

CISCO = 'family = "cisco"'


@pytest.fixture
async def cisco(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(postgres_dsn, tmp_path, CISCO) as started:
        yield started


async def ask(bridge: Running, number: int = 1) -> int:
    session = f"audit-session-id=0A{number:06X}".encode()
    reply = await bridge.ask_by_mac(number, Cisco_AVPair=session.decode())
    return reply.code if not reply.vendor(9, 1) else -reply.code


async def place(bridge: Running, number: int = 1) -> tuple[str, bool]:
    await bridge.memory.places.write()
    [row] = await bridge.database.fetch(
        "SELECT access_point, let_in FROM device_at_access_point WHERE mac = $1", mac(number)
    )
    return row["access_point"], row["let_in"]


async def test_a_device_at_the_portal_is_asked_about_again_after_its_login(cisco: Running) -> None:
    assert await ask(cisco) == -Code.ACCESS_ACCEPT, "redirected"
    assert await place(cisco) == ("ap", False)
    await cisco.let_in(1)
    [told] = await cisco.access_point.told(1)
    assert told.code == Code.COA_REQUEST
    assert b"subscriber:command=reauthenticate" in told.vendor(9, 1)
    assert b"audit-session-id=0A000001" in told.vendor(9, 1)
    assert await ask(cisco) == Code.ACCESS_ACCEPT
    assert await place(cisco) == ("ap", True)


async def test_whoever_is_revoked_is_put_out_at_once(cisco: Running) -> None:
    session = await cisco.let_in(1)
    await cisco.known(1)
    assert await ask(cisco) == Code.ACCESS_ACCEPT
    await cisco.end(session)
    [told] = await cisco.access_point.told(1)
    assert told.code == Code.DISCONNECT_REQUEST
    assert told.first(31) == b"02-00-00-00-00-01"
    assert await ask(cisco) == -Code.ACCESS_ACCEPT


async def test_a_device_whose_session_another_replaced_stays(cisco: Running) -> None:
    session = await cisco.let_in(1)
    await cisco.known(1)
    await ask(cisco)
    await cisco.end(session, EndReason.REPLACED)
    await cisco.let_in(1)
    await cisco.known(1)
    await cisco.memory.picture.compare()
    desk = cisco.bridge.desk
    assert desk is not None
    await desk.compare()
    assert Code.DISCONNECT_REQUEST not in {one.code for one in cisco.access_point.heard[1:]}
    assert await ask(cisco) == Code.ACCESS_ACCEPT


async def test_a_longer_visit_is_told_where_the_access_point_can_be_told(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path, 'family = "coovachilli"') as bridge:
        session = await bridge.let_in(1)
        await bridge.known(1)
        await bridge.ask_by_mac(1)
        await bridge.database.fetch(
            "UPDATE live_session SET ends_at = ends_at + interval '1 hour' WHERE id = $1",
            session.id,
        )
        await bridge.memory.picture.compare()
        [told] = await bridge.access_point.told(1)
        assert told.code == Code.COA_REQUEST
        assert int.from_bytes(told.first(27) or b"", "big") > 7190
        assert told.first(25) == session.id.bytes


async def test_hostapd_is_never_told_of_a_longer_visit_by_putting_out(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path, 'family = "hostapd"') as bridge:
        session = await bridge.let_in(1)
        await bridge.known(1)
        await bridge.ask_by_mac(1)
        await bridge.database.fetch(
            "UPDATE live_session SET ends_at = ends_at + interval '1 hour' WHERE id = $1",
            session.id,
        )
        await bridge.memory.picture.compare()
        await bridge.end(session)
        [told] = await bridge.access_point.told(1)
        assert told.code == Code.DISCONNECT_REQUEST, "only the end"


async def test_what_was_not_heard_is_told_again_by_the_comparison(cisco: Running) -> None:
    desk = cisco.bridge.desk
    assert desk is not None
    session = await cisco.let_in(1)
    await cisco.known(1)
    await ask(cisco)
    cisco.access_point.answer = Code.DISCONNECT_NAK
    await cisco.end(session)
    await cisco.access_point.told(1)
    cisco.access_point.answer = None
    while (await place(cisco))[1]:
        await cisco.memory.places.write()
        await desk.compare()
    heard = len(cisco.access_point.heard)
    assert heard >= 2
    await desk.compare()
    assert len(cisco.access_point.heard) == heard, "told, and so no more"


async def test_nobody_is_told_for_ever(cisco: Running) -> None:
    desk = cisco.bridge.desk
    assert desk is not None
    session = await cisco.let_in(1)
    await cisco.known(1)
    await ask(cisco)
    cisco.access_point.answer = Code.DISCONNECT_NAK
    await cisco.end(session)
    await cisco.access_point.told(1)
    await cisco.memory.places.write()
    for _ in range(40):
        await desk.compare()
        await cisco.until(lambda: desk._busy, lambda busy: not busy)
    assert len(cisco.access_point.heard) == 5


async def test_a_restart_of_the_bridge_forgets_nobody(postgres_dsn: str, tmp_path: Path) -> None:
    async with running(postgres_dsn, tmp_path, CISCO) as before:
        session = await before.let_in(1)
        await before.known(1)
        await ask(before)
        await before.memory.places.write()
    async with running(postgres_dsn, tmp_path, CISCO) as after:
        await after.end(session)
        [told] = await after.access_point.told(1)
        assert told.code == Code.DISCONNECT_REQUEST


async def test_an_end_during_the_restart_is_told_afterwards(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path, CISCO) as before:
        session = await before.let_in(1)
        await before.known(1)
        await ask(before)
        await before.memory.places.write()
    async with running(postgres_dsn, tmp_path, "coa = false") as other:
        await other.end(session)
    async with running(postgres_dsn, tmp_path, CISCO) as after:
        desk = after.bridge.desk
        assert desk is not None
        await desk.compare()
        [told] = await after.access_point.told(1)
        assert told.code == Code.DISCONNECT_REQUEST


async def test_a_device_that_left_is_not_called_back(cisco: Running) -> None:
    session = await cisco.let_in(1)
    await cisco.known(1)
    await ask(cisco)
    for kind in (1, 2):
        await cisco.account(1, kind, Acct_Session_Id="A1", Class=session.id.bytes)
    assert await place(cisco) == ("ap", True)
    desk = cisco.bridge.desk
    assert desk is not None
    await desk.compare()
    assert cisco.access_point.heard == []
