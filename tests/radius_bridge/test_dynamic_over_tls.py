"""CoA- and Disconnect-Requests on the connections that access points opened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from pyrad.packet import CoAPacket

from radius_bridge.clients import Clients, DynamicAuthorization, RadiusClient
from radius_bridge.datagram_exchanges import DatagramExchanges
from radius_bridge.dynamic_authorization import DynamicAuthorizer
from radius_bridge.dynamic_requests import (
    Accepted,
    NotSent,
    Outcome,
    Refused,
    SessionUnknown,
    Silent,
)
from radius_bridge.secret import Secret
from radius_bridge.tls_connection import ConnectionLimits
from radius_bridge.tls_server import TlsLimits
from radius_bridge.vendors.family import DynamicKind, DynamicMessage
from radius_bridge.wire import Attribute, Code, encode
from tests.peers.access_point import SECRET, WORDS, Request, access_point, reply
from tests.radius_bridge.bridge import status
from tests.radius_bridge.certificates import ENTRANCE, HALL, Certificates
from tests.radius_bridge.test_tls_server import CLIENT, Running, bridge, in_tls
from tests.radius_bridge.tls_peer import TlsPeer

pytestmark = pytest.mark.program

NOW = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
DISCONNECT = DynamicMessage(DynamicKind.DISCONNECT, (Attribute(31, b"AA-BB-CC-DD-EE-FF"),))
HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def sending(running: Running) -> AsyncIterator[DynamicAuthorizer]:
    datagrams = DatagramExchanges()
    try:
        yield DynamicAuthorizer(lambda: NOW, datagrams, running.server)
    finally:
        datagrams.close()


async def ready(peer: TlsPeer) -> None:
    """Speak once, so that the bridge has seen the certificate."""
    assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT


async def asked(peer: TlsPeer) -> Request:
    """Read a request as pyrad does, which checks it too."""
    octets = encode(await peer.hear())
    packet = CoAPacket(packet=octets, secret=b"radsec", dict=WORDS)
    assert packet.VerifyCoARequest()
    assert packet.verify_message_authenticator()
    return Request(octets, ("", 0), packet)


async def answer(peer: TlsPeer, cause: int | None = None, secret: bytes = b"radsec") -> None:
    peer.tell(reply(await asked(peer), cause=cause, secret=secret))


@pytest.mark.parametrize(
    ("cause", "expected"), [(None, Accepted()), (503, SessionUnknown()), (504, Refused(504))]
)
async def test_it_is_told_on_the_access_points_own_connection(
    certificates: Certificates, cause: int | None, expected: Outcome
) -> None:
    async with (
        bridge(certificates) as running,
        sending(running) as sender,
        running.peer() as peer,
        asyncio.TaskGroup() as tasks,
    ):
        await ready(peer)
        sent = tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT))
        request = await asked(peer)
        assert request.packet.code == Code.DISCONNECT_REQUEST
        assert request.octets[20:22] == bytes((80, 18))
        assert request.packet["Event-Timestamp"] == [int(NOW.timestamp())]
        peer.tell(reply(request, cause=cause, secret=b"radsec"))
        assert await sent == expected
        await ready(peer)


async def test_where_it_is_not_connected_and_speaks_tls_only_nothing_is_sent(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running, sending(running) as sender:
        assert await sender.send(CLIENT, HERE, DISCONNECT) == NotSent()


async def test_where_it_is_not_connected_and_has_an_address_udp_is_used(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates) as running,
        sending(running) as sender,
        access_point() as peer,
    ):
        both = replace(
            CLIENT,
            networks=(ip_network("127.0.0.0/8"),),
            secret=Secret(SECRET),
            dynamic_authorization=DynamicAuthorization(peer.port),
        )
        assert await sender.send(both, HERE, DISCONNECT) == Accepted()
        assert len(peer.requests) == 1


async def test_a_forged_reply_closes_the_connection_and_is_no_reply(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running, sending(running) as sender:
        async with running.peer() as peer, asyncio.TaskGroup() as tasks:
            await ready(peer)
            sent = tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT))
            await answer(peer, secret=b"other")
            assert await peer.is_closed()
            assert await sent == NotSent()
        assert running.counted("authenticator_wrong") == 1


async def test_a_connection_that_breaks_off_leaves_nobody_waiting(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates) as running,
        sending(running) as sender,
        asyncio.TaskGroup() as tasks,
    ):
        async with running.peer() as peer:
            await ready(peer)
            sent = tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT))
            await asked(peer)
        assert await sent == NotSent()


async def test_of_those_behind_one_address_the_one_that_has_the_device_counts(
    certificates: Certificates,
) -> None:
    shared = replace(CLIENT, certificate_names=(ENTRANCE, HALL))
    async with (
        bridge(certificates, shared) as running,
        sending(running) as sender,
        running.peer(ENTRANCE) as entrance,
        running.peer(HALL) as hall,
        running.peer(HALL, local="127.0.0.5") as elsewhere,
        asyncio.TaskGroup() as tasks,
    ):
        for peer in (entrance, hall, elsewhere):
            await ready(peer)
        sent = tasks.create_task(sender.send(shared, HERE, DISCONNECT))
        await answer(hall, cause=503)
        await answer(entrance)
        assert await sent == Accepted()
        await ready(elsewhere)  # which was not asked: an answer to status is what came next
        sent = tasks.create_task(sender.send(shared, "127.0.0.5", DISCONNECT))
        await answer(elsewhere, cause=503)
        assert await sent == SessionUnknown()
        sent = tasks.create_task(sender.send(shared, "192.0.2.1", DISCONNECT))
        for peer in (entrance, hall, elsewhere):
            await answer(peer, cause=503)
        assert await sent == SessionUnknown()


async def test_a_dead_connection_beside_a_living_one_holds_nothing_up(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates) as running,
        sending(running) as sender,
        running.peer() as dead,
        running.peer() as living,
        asyncio.TaskGroup() as tasks,
    ):
        for peer in (dead, living):
            await ready(peer)
        sent = tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT))
        await asked(dead)
        await answer(living)
        assert await sent == Accepted()
        assert not any(connection._questions for connection in running.connections())


async def test_three_hundred_on_one_connection_use_no_identifier_twice_at_a_time(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates) as running,
        sending(running) as sender,
        running.peer() as peer,
        asyncio.TaskGroup() as tasks,
    ):
        await ready(peer)
        sent = [tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT)) for _ in range(300)]
        waiting = [await asked(peer) for _ in range(64)]
        await ready(peer)  # no more than these come before one is answered
        identifiers = {request.packet.id for request in waiting}
        assert len(identifiers) == 64
        assert 0 not in identifiers
        for request in waiting:
            peer.tell(reply(request, secret=b"radsec"))
        for _ in range(300 - 64):
            await answer(peer)
        assert {await one for one in sent} == {Accepted()}


async def test_silence_ends_and_leaves_the_connection_as_it_was(
    certificates: Certificates,
) -> None:
    limits = TlsLimits(connection=ConnectionLimits(reply_s=0.1))
    async with (
        bridge(certificates, limits=limits) as running,
        sending(running) as sender,
        running.peer() as peer,
    ):
        await ready(peer)
        assert await sender.send(CLIENT, HERE, DISCONNECT) == Silent()
        late = await asked(peer)
        peer.tell(reply(late, secret=b"radsec"))
        await ready(peer)


async def test_who_gets_no_turn_on_a_connection_is_told(certificates: Certificates) -> None:
    limits = TlsLimits(connection=ConnectionLimits(turn_s=0.1))
    async with (
        bridge(certificates, limits=limits) as running,
        sending(running) as sender,
        running.peer() as peer,
        asyncio.TaskGroup() as tasks,
    ):
        await ready(peer)
        sent = [tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT)) for _ in range(64)]
        for _ in sent:
            await asked(peer)
        assert await sender.send(CLIENT, HERE, DISCONNECT) == NotSent()
        for task in sent:
            task.cancel()


async def test_who_waits_for_a_turn_when_the_connection_ends_is_told(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running, sending(running) as sender:
        async with running.peer() as peer:
            await ready(peer)
            sent = [asyncio.ensure_future(sender.send(CLIENT, HERE, DISCONNECT)) for _ in range(70)]
            for _ in range(64):
                await asked(peer)
        assert set(await asyncio.gather(*sent)) == {NotSent()}


async def test_a_cancelled_question_leaves_nothing_behind(certificates: Certificates) -> None:
    async with (
        bridge(certificates) as running,
        sending(running) as sender,
        running.peer() as peer,
        asyncio.TaskGroup() as tasks,
    ):
        await ready(peer)
        sent = tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT))
        late = await asked(peer)
        sent.cancel()
        await ready(peer)
        (connection,) = running.connections()
        assert not connection._questions
        peer.tell(reply(late, secret=b"radsec"))
        sent = tasks.create_task(sender.send(CLIENT, HERE, DISCONNECT))
        await answer(peer)
        assert await sent == Accepted()


async def test_requests_go_both_ways_at_the_same_time(certificates: Certificates) -> None:
    client = RadiusClient("both", (), Secret(b"x"), certificate_names=(ENTRANCE,))
    async with (
        bridge(certificates, client) as running,
        sending(running) as sender,
        running.peer() as peer,
        asyncio.TaskGroup() as tasks,
    ):
        await ready(peer)
        sent = tasks.create_task(sender.send(client, HERE, DISCONNECT))
        request = await asked(peer)
        ours = status(request.packet.id)
        peer.tell(in_tls(ours) + reply(request, secret=b"radsec"))
        assert (await peer.hear()).identifier == request.packet.id
        assert await sent == Accepted()
        running.responder.reload(Clients((replace(client, name="renamed"),)))
        running.server.follow_clients()
        assert await sender.send(client, HERE, DISCONNECT) == NotSent()
