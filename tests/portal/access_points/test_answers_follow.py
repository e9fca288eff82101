"""A device that asks again in the same words is answered by what holds then, whatever it was."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path

import pytest

from portal.access_points.grants import LONG_END_S, MARGIN_S
from portal.clock import utc_now
from portal.domain.access_point import AccessPoint
from portal.domain.session import Session
from radius_bridge.clients import Clients, FamilyName
from radius_bridge.pipeline import Discard, Service
from radius_bridge.secret import Secret
from radius_bridge.wire import Code, Packet
from tests.portal.access_points.running import SHARED, Running, dashed, mac, request, running
from tests.radius_bridge.bridge import Asker, signed

ACCEPT, REJECT = Code.ACCESS_ACCEPT, Code.ACCESS_REJECT


@pytest.fixture
async def bridge(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(postgres_dsn, tmp_path, "idle_timeout_min = 90") as started:
        yield started


async def let_in(bridge: Running) -> Session:
    """Have the device in, and asked about twice: what could be remembered of it is."""
    await bridge.let_in(1)
    session = await bridge.known(1)
    assert session is not None
    for _ in range(2):
        assert (await bridge.ask_by_mac(1)).code == ACCEPT
    return session


def seconds(reply: Packet) -> int:
    return int.from_bytes(reply.first(27) or b"", "big")


def serve(bridge: Running, access_point: AccessPoint) -> None:
    """Serve this access point in the place of the one of its name, as after a reload."""
    served = bridge.bridge.served
    points = {**served.access_points, access_point.name: access_point}
    bridge.bridge.serve(replace(served, access_points=points))


async def test_a_session_that_ended(bridge: Running) -> None:
    session = await let_in(bridge)
    await bridge.end(session)
    await bridge.known(1, online=False)
    assert (await bridge.ask_by_mac(1)).code == REJECT


async def test_another_session_of_the_device(bridge: Running) -> None:
    session = await let_in(bridge)
    await bridge.end(session)
    await bridge.known(1, online=False)
    another = await bridge.let_in(1)
    await bridge.known(1)
    assert (await bridge.ask_by_mac(1)).first(25) == another.id.bytes


async def test_a_tutoring_that_begins(bridge: Running) -> None:
    session = await let_in(bridge)
    assert (await bridge.ask_by_mac(1)).first(28) == (90 * 60).to_bytes(4)
    until = session.ends_at + timedelta(hours=1)
    tutored = "UPDATE live_session SET protected_until = $2 WHERE id = $1"
    await bridge.database.fetch(tutored, session.id, until)
    await bridge.memory.picture.compare()
    reply = await bridge.ask_by_mac(1)
    assert seconds(reply) > 115 * 60
    assert reply.first(28) is None, "who is helped may sit still"


async def test_a_tutoring_that_is_over(bridge: Running) -> None:
    """By time alone: nobody tells."""
    session, later = await let_in(bridge), utc_now() + timedelta(minutes=11)
    protected = replace(session, protected_until=utc_now() + timedelta(minutes=10))
    bridge.memory.picture.note(protected)
    for _ in range(2):
        assert (await bridge.ask_by_mac(1)).first(28) is None
    bridge.bridge.policy._clock = lambda: later
    reply = await bridge.ask_by_mac(1)
    assert reply.first(28) == (90 * 60).to_bytes(4)
    assert seconds(reply) == left(session, later)


async def test_every_second_of_the_clock(bridge: Running) -> None:
    session = await let_in(bridge)
    begin = utc_now()
    for step in (0.0, 0.4, 1.0, 59.5, 600.0, 0.0):  # a clock may be set back
        now = begin + timedelta(seconds=step)
        bridge.bridge.policy._clock = lambda now=now: now
        assert seconds(await bridge.ask_by_mac(1)) == left(session, now)


async def test_the_end_itself(bridge: Running) -> None:
    session = await let_in(bridge)
    at = session.due_at - timedelta(microseconds=1)
    bridge.bridge.policy._clock = lambda: at
    assert seconds(await bridge.ask_by_mac(1)) == ceil(MARGIN_S + 1e-6)
    bridge.bridge.policy._clock = bridge.memory.access._clock = lambda: session.due_at
    assert (await bridge.ask_by_mac(1)).code == REJECT


async def test_what_the_configuration_says_by_now(bridge: Running) -> None:
    await let_in(bridge)
    access_point = bridge.bridge.served.access_points["ap"]
    serve(bridge, replace(access_point, vlan="120", idle_timeout=timedelta(minutes=5)))
    reply = await bridge.ask_by_mac(1)
    assert reply.first(81) == b"120"
    serve(bridge, replace(access_point, upload_bit_s=2_000_000))
    reply = await bridge.ask_by_mac(1)
    assert reply.first(81) is None
    assert [value[-4:] for value in reply.vendor(14122, 7)] == [(2_000_000).to_bytes(4)]


async def test_a_device_that_is_always_let_in_by_now(bridge: Running) -> None:
    session = await let_in(bridge)
    access_point = bridge.bridge.served.access_points["ap"]
    serve(bridge, replace(access_point, allowed_devices=frozenset({mac(1)})))
    assert (await bridge.ask_by_mac(1)).first(25) == bytes(16)
    serve(bridge, access_point)
    assert (await bridge.ask_by_mac(1)).first(25) == session.id.bytes


async def test_an_access_point_that_hears_no_more(bridge: Running) -> None:
    session, served = await let_in(bridge), bridge.bridge.served
    clients = [replace(one, family=FamilyName.HOSTAPD) for one in served.clients.all]
    bridge.bridge.serve(replace(served, clients=Clients(clients)))
    for hears in (True, False, True):
        bridge.bridge.policy.hears = lambda *_, hears=hears: hears
        told_s = seconds(await bridge.ask_by_mac(1))
        assert told_s == LONG_END_S if hears else told_s <= left(session, utc_now()) + 1


async def test_another_secret(bridge: Running) -> None:
    await let_in(bridge)
    served, other = bridge.bridge.served, Secret(b"the secret of tomorrow")
    clients = [replace(one, secret=other) for one in served.clients.all]
    bridge.bridge.serve(replace(served, clients=Clients(clients)))
    name, station = mac(1).replace(":", ""), dashed(mac(1))
    counted = bridge.bridge.responder.pipeline.counters.of("ap")
    with Asker() as asker:
        for secret in (SHARED, other):
            asked = signed(request(User_Name=name, Calling_Station_Id=station), secret)
            asker.tell(asked, bridge.port(Service.AUTHENTICATION))
        reply, _ = await asker.hear()
        assert (reply[0], reply[1]) == (ACCEPT, asked[1])
    assert counted[Discard.FORGED] == 1


def left(session: Session, now: datetime) -> int:
    return ceil((session.ends_at - now).total_seconds() + MARGIN_S)
