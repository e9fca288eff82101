"""What access points are told by themselves: who is let in after a login, and who is out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from portal.access_points.dynamic_desk import DynamicDesk
from portal.clock import utc_now
from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.live_picture import Change
from portal.services.ports.live import Place
from radius_bridge.access import Grant, Station
from radius_bridge.dynamic_requests import Outcome
from radius_bridge.vendors.family import DynamicMessage, DynamicVerb, Family
from radius_bridge.wire import Code, Packet
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


async def quiet(bridge: Running) -> None:
    """Wait until the desk has said what it had to say."""
    desk = desk_of(bridge)
    await bridge.until(lambda: desk._busy, lambda busy: not busy)


def desk_of(bridge: Running) -> DynamicDesk:
    assert bridge.bridge.desk is not None
    return bridge.bridge.desk


async def test_a_device_whose_session_another_replaced_stays(cisco: Running) -> None:
    await cisco.let_in(1)
    await cisco.known(1)
    assert await ask(cisco) == Code.ACCESS_ACCEPT
    for _ in range(5):
        await cisco.let_in(1)  # one transaction ends the one before
    await cisco.memory.picture.compare()
    await desk_of(cisco).compare()
    await quiet(cisco)
    assert cisco.access_point.heard == []
    assert await ask(cisco) == Code.ACCESS_ACCEPT


async def test_memory_alone_puts_nobody_out(cisco: Running) -> None:
    session = await cisco.let_in(1)
    await cisco.known(1)
    assert await ask(cisco) == Code.ACCESS_ACCEPT
    cisco.memory.picture.forget(session)
    await quiet(cisco)
    assert cisco.access_point.heard == []


@pytest.mark.parametrize("minutes", [25, 300])
async def test_who_logs_in_late_is_let_in_all_the_same(cisco: Running, minutes: int) -> None:
    later = timedelta(minutes=minutes)
    assert await ask(cisco) == -Code.ACCESS_ACCEPT, "redirected"
    desk_of(cisco)._clock = lambda: utc_now() + later
    await cisco.let_in(1, minutes=600)
    [told] = await cisco.access_point.told(1)
    assert told.code == Code.COA_REQUEST


async def test_who_was_not_let_in_is_told_of_again_while_the_redirect_holds(cisco: Running) -> None:
    assert await ask(cisco) == -Code.ACCESS_ACCEPT, "redirected"
    cisco.access_point.answer = Code.COA_NAK
    await cisco.let_in(1)
    await cisco.access_point.told(1)
    await quiet(cisco)
    await cisco.memory.places.write()
    desk_of(cisco)._clock = lambda: utc_now() + timedelta(minutes=25)
    await desk_of(cisco).compare()
    await cisco.access_point.told(2)


class Faulty:
    """A family with a fault that one device brings out."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def dynamic(self, verb: DynamicVerb, grant: Grant | None, station: Station) -> object:
        if station.mac == mac(1):
            raise ValueError("cannot be written")
        return self.family.dynamic(verb, grant, station)


async def test_a_fault_over_one_device_costs_the_others_nothing(cisco: Running) -> None:
    desk = desk_of(cisco)
    desk.families = {"ap": Faulty(desk.families["ap"])}  # type: ignore[dict-item]
    for number in (1, 2):
        session = await cisco.let_in(number)
        await cisco.known(number)
        assert await ask(cisco, number) == Code.ACCESS_ACCEPT
        await cisco.end(session)
    [told] = await cisco.access_point.told(1)
    assert told.first(31) == b"02-00-00-00-00-02"


async def test_an_access_point_that_is_away_holds_up_itself_alone(cisco: Running) -> None:
    desk, away = desk_of(cisco), asyncio.Event()
    waiting: list[str] = []
    send = desk._send

    async def slow(client: str, address: str, message: DynamicMessage) -> Outcome:
        if address == "192.0.2.1":
            waiting.append(address)
            await away.wait()
        return await send(client, address, message)

    desk._send = slow
    session = await cisco.let_in(1)
    await cisco.known(1)
    assert await ask(cisco) == Code.ACCESS_ACCEPT
    for number in range(100, 170):
        there = Place(mac(number), "ap", utc_now(), let_in=True, source_ip="192.0.2.1")
        cisco.memory.places.note(there)
    await cisco.memory.places.write()
    await desk.compare()
    await cisco.until(lambda: len(waiting), lambda count: count >= 64)
    await cisco.end(session)
    [told] = await cisco.access_point.told(1)
    assert told.first(31) == b"02-00-00-00-00-01"


async def test_what_is_heard_together_is_looked_up_together(cisco: Running) -> None:
    desk, places = desk_of(cisco), cisco.memory.places
    look_up, asked = places.look_up, list[int]()

    async def counted(macs: Sequence[MacAddress]) -> None:
        asked.append(len(macs))
        await look_up(macs)

    places.look_up = counted  # type: ignore[method-assign]
    session = await cisco.let_in(1)
    await cisco.known(1)
    await quiet(cisco)
    asked.clear()
    desk._changed([Change(mac(number), None, session) for number in range(100, 150)])
    await quiet(cisco)
    assert asked == [50]


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


@pytest.mark.parametrize(
    "family", ["hostapd", "unifi", "ruckus", "fortinet", "aruba", "meraki", "cisco"]
)
async def test_who_can_only_be_put_out_is_let_in_for_longer_than_any_visit(
    postgres_dsn: str, tmp_path: Path, family: str
) -> None:
    """Its access point knows nothing of a longer visit, and must not cut it off at the old end."""
    async with running(postgres_dsn, tmp_path, f'family = "{family}"') as bridge:
        session = await bridge.let_in(1, minutes=10)
        await bridge.known(1)
        reply = await bridge.ask_by_mac(1, Acct_Session_Id="A1")
        assert timeout_of(reply) >= 12 * 3600
        await longer(bridge, session)
        await desk_of(bridge).compare()
        await quiet(bridge)
        assert bridge.access_point.heard == [], "nobody is put out for a new end"
        await bridge.end(session)
        [told] = await bridge.access_point.told(1)
        assert told.code == Code.DISCONNECT_REQUEST, "only the end"


async def test_who_cannot_even_be_put_out_has_the_sessions_own_end(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path, 'family = "hostapd"\ncoa = false') as bridge:
        await bridge.let_in(1, minutes=10)
        await bridge.known(1)
        assert timeout_of(await bridge.ask_by_mac(1)) <= 602


async def test_who_comes_to_an_access_point_that_does_not_hear_has_the_sessions_own_end(
    postgres_dsn: str, tmp_path: Path
) -> None:
    """Its port is closed, or it says no: whom it keeps in is the sign, until it hears again."""
    async with running(postgres_dsn, tmp_path, 'family = "hostapd"') as bridge:
        bridge.access_point.answer = Code.DISCONNECT_NAK
        kept = await bridge.let_in(1, minutes=10)
        await bridge.let_in(2, minutes=10)
        await bridge.known(2)
        await bridge.ask_by_mac(1)
        await bridge.end(kept)
        await bridge.access_point.told(1)
        await quiet(bridge)
        await bridge.memory.places.write()
        over = "UPDATE device_at_access_point SET granted_until = now() - interval '3 minutes'"
        await bridge.database.fetch(over)
        await bridge.memory.hearing.look()
        assert timeout_of(await bridge.ask_by_mac(2)) <= 602
        bridge.access_point.answer = None
        desk_of(bridge)._tries.forget([mac(1)])
        await desk_of(bridge).compare()
        await bridge.access_point.told(2)
        await quiet(bridge)
        await bridge.memory.places.write()
        await bridge.memory.hearing.look()
        assert timeout_of(await bridge.ask_by_mac(2)) >= 12 * 3600


def timeout_of(packet: Packet) -> int:
    return int.from_bytes(packet.first(27) or b"", "big")


async def longer(bridge: Running, session: Session, by: str = "1 hour") -> None:
    """Move a session's end as an extension does, and wait until memory knows."""
    sql = "UPDATE live_session SET ends_at = ends_at + $2::text::interval WHERE id = $1"
    await bridge.database.fetch(sql, session.id, by)
    await bridge.memory.picture.compare()


async def test_a_new_end_that_was_refused_is_told_again_and_to_it(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path) as bridge:
        desk = desk_of(bridge)
        session = await bridge.let_in(1)
        await bridge.known(1)
        await bridge.ask_by_mac(1)
        await bridge.memory.places.write()
        bridge.access_point.answer = Code.COA_NAK
        with capture_logs() as logs:
            await longer(bridge, session)
            await bridge.access_point.told(1)
            await quiet(bridge)
        [told] = [line for line in logs if line["event"] == "access_point_keeps_old_end"]
        assert (told["client"], told["outcome"]) == ("ap", "Refused")
        assert told["old_end"] == session.due_at.isoformat(timespec="seconds")
        await desk.compare()
        await quiet(bridge)
        assert len(bridge.access_point.heard) == 1, "not before the pause is over"
        bridge.access_point.answer = None
        desk._clock = lambda: utc_now() + timedelta(seconds=30)
        await desk.compare()
        told_again = (await bridge.access_point.told(2))[1]
        assert told_again.code == Code.COA_REQUEST
        await quiet(bridge)
        desk._clock = lambda: utc_now() + timedelta(minutes=5)
        await bridge.memory.places.write()
        await desk.compare()
        await quiet(bridge)
        assert len(bridge.access_point.heard) == 2, "told, and so no more"


async def test_a_new_end_is_told_after_a_restart_too(postgres_dsn: str, tmp_path: Path) -> None:
    async with running(postgres_dsn, tmp_path) as before:
        session = await before.let_in(1)
        await before.known(1)
        await before.ask_by_mac(1)
        await before.memory.places.write()
    async with running(postgres_dsn, tmp_path, "coa = false") as other:
        await longer(other, session)
    async with running(postgres_dsn, tmp_path) as after:
        await desk_of(after).compare()
        [told] = await after.access_point.told(1)
        assert told.code == Code.COA_REQUEST
        await quiet(after)
        await after.memory.places.write()
        await desk_of(after).compare()
        await quiet(after)
        assert len(after.access_point.heard) == 1


async def test_an_end_that_nobody_knows_is_told_once(postgres_dsn: str, tmp_path: Path) -> None:
    """Of what was let in before this was written down, and of what only accounting tells."""
    async with running(postgres_dsn, tmp_path) as bridge:
        await bridge.let_in(1)
        await bridge.known(1)
        await bridge.ask_by_mac(1)
        await bridge.memory.places.write()
        await bridge.database.fetch("UPDATE device_at_access_point SET granted_until = NULL")
        bridge.memory.places._known.clear()
        await desk_of(bridge).compare()
        [told] = await bridge.access_point.told(1)
        assert told.code == Code.COA_REQUEST


async def test_a_tutor_lifts_the_idle_timeout_that_was_given(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path, "idle_timeout_min = 60") as bridge:
        session = await bridge.let_in(1, minutes=300)
        await bridge.known(1)
        assert (await bridge.ask_by_mac(1)).first(28) == (3600).to_bytes(4, "big")
        sql = "UPDATE live_session SET protected_until = $2 WHERE id = $1"
        await bridge.database.fetch(sql, session.id, utc_now() + timedelta(hours=2))
        await bridge.memory.picture.compare()
        [told] = await bridge.access_point.told(1)
        assert told.code == Code.COA_REQUEST
        idle_s = int.from_bytes(told.first(28) or b"", "big")
        assert idle_s >= 299 * 60, "not before the session's own end"
        await quiet(bridge)
        await bridge.memory.places.write()
        await desk_of(bridge).compare()
        await quiet(bridge)
        assert len(bridge.access_point.heard) == 1


async def test_a_new_end_counts_from_the_start_of_the_visit_too(
    postgres_dsn: str, tmp_path: Path
) -> None:
    """CoovaChilli counts Session-Timeout from there, not from the CoA."""
    async with running(postgres_dsn, tmp_path, 'family = "coovachilli"') as bridge:
        session = await bridge.let_in(1, minutes=240)
        await bridge.known(1)
        await bridge.ask_by_mac(1)
        desk_of(bridge)._clock = lambda: utc_now() + timedelta(hours=3)
        await longer(bridge, session)
        [told] = await bridge.access_point.told(1)
        assert timeout_of(told) > 5 * 3600 - 60, "of which three are over"


async def test_a_device_that_is_in_at_two_access_points_is_put_out_at_both(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path) as bridge:
        session = await bridge.let_in(1)
        await bridge.known(1)
        for name in ("ap-hall", "ap-attic"):
            await bridge.ask_by_mac(1, NAS_Identifier=name)
        await bridge.end(session)
        told = await bridge.access_point.told(2)
        assert {one.code for one in told} == {Code.DISCONNECT_REQUEST}
        assert {one.first(32) for one in told} == {b"ap-hall", b"ap-attic"}
        await quiet(bridge)
        await bridge.memory.places.write()
        await desk_of(bridge).compare()
        await quiet(bridge)
        assert len(bridge.access_point.heard) == 2, "told, and so no more"


async def test_who_left_one_of_two_access_points_is_put_out_at_the_other(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with running(postgres_dsn, tmp_path) as bridge:
        session = await bridge.let_in(1)
        await bridge.known(1)
        for name in ("ap-attic", "ap-hall"):
            await bridge.ask_by_mac(1, NAS_Identifier=name)
        await bridge.ask_by_mac(1, NAS_Identifier="ap-attic")
        await bridge.account(1, 2, Acct_Session_Id="A1", Class=session.id.bytes)  # of ap-hall
        await bridge.end(session)
        [told] = await bridge.access_point.told(1)
        await quiet(bridge)
        assert [one.first(32) for one in bridge.access_point.heard] == [b"ap-attic"]
        assert told.code == Code.DISCONNECT_REQUEST


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
    desk._clock = lambda: utc_now() + timedelta(seconds=30)
    while (await place(cisco))[1]:
        await cisco.memory.places.write()
        await desk.compare()
    heard = len(cisco.access_point.heard)
    assert heard >= 2
    await desk.compare()
    assert len(cisco.access_point.heard) == heard, "told, and so no more"


async def test_who_is_revoked_is_told_of_ever_more_rarely_until_it_is_heard(cisco: Running) -> None:
    desk, begun = desk_of(cisco), utc_now()
    session = await cisco.let_in(1, minutes=600)
    await cisco.known(1)
    await ask(cisco)
    cisco.access_point.answer = Code.DISCONNECT_NAK
    await cisco.end(session)
    await cisco.access_point.told(1)
    await cisco.memory.places.write()
    heard = {}
    for minute in range(180):
        desk._clock = lambda at=begun + timedelta(minutes=minute): at  # type: ignore[misc]
        await desk.compare()
        await quiet(cisco)
        heard[minute] = len({one.authenticator for one in cisco.access_point.heard})
    assert 8 <= heard[60] <= 12
    assert heard[170] - heard[120] == 5, "each ten minutes, without end"
    cisco.access_point.answer = None
    desk._clock = lambda: begun + timedelta(minutes=200)
    await desk.compare()
    await quiet(cisco)
    assert (await place(cisco))[1] is False
    assert not desk._tries


async def test_a_restart_of_the_bridge_forgets_nobody(postgres_dsn: str, tmp_path: Path) -> None:
    async with running(postgres_dsn, tmp_path, CISCO) as before:
        session = await before.let_in(1)
        await before.known(1)
        await ask(before)
        await before.memory.places.write()
    async with running(postgres_dsn, tmp_path, CISCO) as after:
        assert desk_of(after)._busy == set(), "what was there before is no news"
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
    await cisco.ask_by_mac(1, Cisco_AVPair="audit-session-id=0A000001", NAS_Identifier="ap-hall")
    for kind in (1, 2):
        await cisco.account(1, kind, Acct_Session_Id="A1", Class=session.id.bytes)
    assert await place(cisco) == ("ap", True)
    desk = cisco.bridge.desk
    assert desk is not None
    await desk.compare()
    assert cisco.access_point.heard == []
