import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import uvloop

from radius_bridge.authenticators import sign_reply
from radius_bridge.clients import DynamicAuthorization, RadiusClient
from radius_bridge.datagram_exchanges import DatagramExchanges, ExchangeEvent, ExchangeLimits
from radius_bridge.dynamic_authorization import DynamicAuthorizer
from radius_bridge.dynamic_requests import (
    Accepted,
    NotSent,
    Outcome,
    Refused,
    SessionUnknown,
    Silent,
    Unsupported,
)
from radius_bridge.retransmission import RetransmissionTimes
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import DynamicKind, DynamicMessage
from radius_bridge.wire import Attribute, Code, decode
from tests.peers.access_point import (
    SECRET,
    AccessPoint,
    Request,
    access_point,
    agree,
    reply,
    say_nothing,
)

NOW = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
DEVICE = "AA-BB-CC-DD-EE-FF"
DISCONNECT = DynamicMessage(DynamicKind.DISCONNECT, (Attribute(31, DEVICE.encode()),))
CHANGE = DynamicMessage(DynamicKind.CHANGE, (Attribute(1, b"aabbccddeeff"),))
IMPATIENT = RetransmissionTimes(first_s=0.02, longest_s=0.1, duration_max_s=0.5)
PATIENT = RetransmissionTimes(first_s=60, longest_s=60, duration_max_s=60)
HERE = "127.0.0.1"


def client_at(peer: AccessPoint, address: str | None = None) -> RadiusClient:
    return RadiusClient(
        name="branch-1",
        networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        secret=Secret(SECRET),
        dynamic_authorization=DynamicAuthorization(port=peer.port, address=address),
    )


@asynccontextmanager
async def exchanges(
    times: RetransmissionTimes = PATIENT,
    open_socket: Callable[[socket.AddressFamily], socket.socket] | None = None,
    **limits: float,
) -> AsyncIterator[DatagramExchanges]:
    made = (
        DatagramExchanges(times, ExchangeLimits(**limits), open_socket)  # type: ignore[arg-type]
        if open_socket
        else DatagramExchanges(times, ExchangeLimits(**limits))  # type: ignore[arg-type]
    )
    try:
        yield made
    finally:
        made.close()


def authorizer(datagrams: DatagramExchanges) -> DynamicAuthorizer:
    return DynamicAuthorizer(lambda: NOW, datagrams)


async def outcome(
    peer: AccessPoint,
    message: DynamicMessage = DISCONNECT,
    times: RetransmissionTimes = PATIENT,
    address: str = HERE,
) -> Outcome:
    async with exchanges(times) as datagrams:
        return await authorizer(datagrams).send(client_at(peer), address, message)


@pytest.mark.parametrize(("message", "code"), [(DISCONNECT, 40), (CHANGE, 43)])
@pytest.mark.parametrize("address", [HERE, "::1"])
async def test_an_independent_receiver_finds_a_request_in_order(
    message: DynamicMessage, code: int, address: str
) -> None:
    async with access_point(address=address) as peer:
        assert await outcome(peer, message, address=address) == Accepted()
    (request,) = peer.requests
    packet = request.packet
    assert packet.code == code
    assert packet.VerifyCoARequest()
    assert packet.verify_message_authenticator()
    assert request.octets[20:22] == bytes((80, 18))
    assert packet["Event-Timestamp"] == [int(NOW.timestamp())]
    held = packet["User-Name"] if code == 43 else packet["Calling-Station-Id"]
    assert held == ["aabbccddeeff" if code == 43 else DEVICE]


def test_the_same_on_uvloop() -> None:
    async def ask() -> Outcome:
        async with access_point() as peer:
            return await outcome(peer)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == Accepted()


async def test_an_ipv4_address_inside_ipv6_is_the_ipv4_address() -> None:
    async with access_point() as peer:
        assert await outcome(peer, address="::ffff:127.0.0.1") == Accepted()


@pytest.mark.parametrize("proof", [True, False])
@pytest.mark.parametrize(
    ("cause", "message", "expected"),
    [
        (503, DISCONNECT, SessionUnknown()),
        (401, CHANGE, Unsupported(401)),
        (504, DISCONNECT, Refused(504)),
        (None, CHANGE, Refused(None)),
    ],
)
async def test_a_refusal_is_told_with_its_reason(
    cause: int | None, message: DynamicMessage, expected: Outcome, proof: bool
) -> None:
    def refuse(request: Request) -> list[bytes]:
        return [reply(request, refused=True, cause=cause, proof=proof)]

    async with access_point(refuse) as peer:
        assert await outcome(peer, message) == expected


async def test_a_silent_one_is_asked_again_with_the_same_octets_then_given_up() -> None:
    async with access_point(say_nothing) as peer, exchanges(IMPATIENT) as datagrams:
        assert await authorizer(datagrams).send(client_at(peer), HERE, DISCONNECT) == Silent()
        await peer.has(5)
    assert len(peer.requests) == 5
    assert len({(request.octets, request.sender) for request in peer.requests}) == 1
    assert datagrams.counts[ExchangeEvent.SENT] == 1
    assert datagrams.counts[ExchangeEvent.SENT_AGAIN] == 4
    assert datagrams.counts[ExchangeEvent.UNANSWERED] == 1


async def test_an_answer_to_the_third_attempt_counts() -> None:
    def hear_badly(request: Request) -> list[bytes]:
        return [reply(request)] if len(peer.requests) == 3 else []

    async with access_point(hear_badly) as peer:
        assert await outcome(peer, times=IMPATIENT) == Accepted()
    assert len(peer.requests) == 3


def damaged(request: Request) -> bytes:
    octets = bytearray(reply(request))
    octets[-1] ^= 1
    return bytes(octets)


def wrongly_proved(request: Request) -> bytes:
    """Right Response Authenticator, wrong Message-Authenticator."""
    ours = decode(request.octets)
    good = decode(sign_reply(Code.DISCONNECT_ACK, (), ours, Secret(SECRET)))
    proof = Attribute(80, bytes(16))
    plain = request.packet.CreateReply()
    plain[80] = [proof.value]
    signed: bytes = plain.ReplyPacket()
    assert decode(signed).attributes == (proof,)
    assert decode(signed).authenticator != good.authenticator
    return signed


def for_another(request: Request) -> bytes:
    octets = bytearray(reply(request))
    octets[1] ^= 1
    return bytes(octets)


def of_another_kind(request: Request) -> bytes:
    answer = request.packet.CreateReply()
    answer.code = 2
    signed: bytes = answer.ReplyPacket()
    return signed


FORGERIES = {
    "damaged": (damaged, ExchangeEvent.REPLY_FORGED),
    "other secret": (lambda one: reply(one, secret=b"another"), ExchangeEvent.REPLY_FORGED),
    "wrong Message-Authenticator": (wrongly_proved, ExchangeEvent.REPLY_FORGED),
    "foreign Proxy-State": (lambda one: reply(one, proxy_state=b"x"), ExchangeEvent.REPLY_FORGED),
    "Access-Accept": (of_another_kind, ExchangeEvent.REPLY_FORGED),
    "other Identifier": (for_another, ExchangeEvent.REPLY_UNEXPECTED),
    "cut off": (lambda one: reply(one)[:-1], ExchangeEvent.REPLY_MALFORMED),
    "one octet": (lambda _one: b"\2", ExchangeEvent.REPLY_MALFORMED),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_reply_that_proves_nothing_is_no_reply_and_moves_no_timer(name: str) -> None:
    forge, event = FORGERIES[name]

    async with (
        access_point(lambda request: [forge(request)]) as peer,
        exchanges(IMPATIENT) as datagrams,
    ):
        assert await authorizer(datagrams).send(client_at(peer), HERE, DISCONNECT) == Silent()
        await peer.has(5)
    assert len(peer.requests) == 5
    assert datagrams.counts[event] in {3, 4, 5}  # the last may still be under way


@pytest.mark.parametrize("name", FORGERIES)
async def test_after_a_forgery_the_true_reply_still_counts(name: str) -> None:
    forge, _event = FORGERIES[name]
    async with access_point(lambda request: [forge(request), reply(request)]) as peer:
        assert await outcome(peer) == Accepted()


async def test_a_reply_from_elsewhere_is_no_reply() -> None:
    async with access_point() as other:

        def by_another(request: Request) -> list[bytes]:
            other.transport.sendto(reply(request), request.sender)
            return []

        async with access_point(by_another) as peer, exchanges(IMPATIENT) as datagrams:
            assert await authorizer(datagrams).send(client_at(peer), HERE, DISCONNECT) == Silent()
    assert datagrams.counts[ExchangeEvent.REPLY_UNEXPECTED] in {3, 4, 5}


async def test_the_second_of_two_replies_is_counted_and_nothing_more() -> None:
    async with (
        access_point(lambda request: [reply(request), reply(request, cause=504)]) as peer,
        exchanges() as datagrams,
    ):
        for _ in range(2):
            assert await authorizer(datagrams).send(client_at(peer), HERE, DISCONNECT) == Accepted()
    assert datagrams.counts[ExchangeEvent.REPLY_UNEXPECTED] >= 1


async def test_three_hundred_at_closing_time_repeat_no_identifier() -> None:
    async with access_point() as peer, exchanges() as datagrams:
        sender, client = authorizer(datagrams), client_at(peer)
        found = await asyncio.gather(*(sender.send(client, HERE, DISCONNECT) for _ in range(300)))
    assert set(found) == {Accepted()}
    used = {(request.sender[1], request.octets[1]) for request in peer.requests}
    assert len(used) == len(peer.requests) == 300
    assert len({port for port, _ in used}) == 2
    assert sender.counters.of("branch-1") == {"dynamic_accepted": 300}


async def test_where_all_identifiers_rest_nothing_is_sent() -> None:
    async with access_point() as peer, exchanges(ports_max=1) as datagrams:
        sender, client = authorizer(datagrams), client_at(peer)
        found = [await sender.send(client, HERE, DISCONNECT) for _ in range(257)]
    assert found == [*([Accepted()] * 256), NotSent()]
    assert len(peer.requests) == 256
    assert datagrams.counts[ExchangeEvent.NO_ROOM] == 1


async def test_a_dead_one_holds_up_nobody_else() -> None:
    async with (
        access_point(say_nothing) as dead,
        access_point() as living,
        exchanges() as datagrams,
    ):
        sender = authorizer(datagrams)
        async with asyncio.TaskGroup() as tasks:
            waiting = [
                tasks.create_task(sender.send(client_at(dead), HERE, DISCONNECT))
                for _ in range(100)
            ]
            await dead.has(16)
            for _ in range(50):
                assert await sender.send(client_at(living), HERE, DISCONNECT) == Accepted()
            assert not any(task.done() for task in waiting)
            assert len(dead.requests) == 16
            for task in waiting:
                task.cancel()
    assert len(living.requests) == 50


async def test_a_cancelled_question_leaves_nothing_behind_and_its_late_answer_hurts_nobody() -> (
    None
):
    async with access_point(say_nothing) as peer, exchanges(in_flight_per_peer=1) as datagrams:
        sender, client = authorizer(datagrams), client_at(peer)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(sender.send(client, HERE, DISCONNECT))
            behind = tasks.create_task(sender.send(client, HERE, DISCONNECT))
            await peer.has(1)
            behind.cancel()
            asked.cancel()
        first = peer.requests[0]
        peer.behaviour = lambda request: [reply(first, cause=504), reply(request)]
        assert await sender.send(client, HERE, DISCONNECT) == Accepted()
        assert datagrams.counts[ExchangeEvent.REPLY_UNEXPECTED] == 1
        assert not datagrams._lanes
        assert not datagrams._questions


async def test_who_finds_too_many_waiting_is_told_at_once() -> None:
    async with (
        access_point(say_nothing) as peer,
        exchanges(in_flight_per_peer=1, waiting_per_peer=1) as datagrams,
    ):
        sender, client = authorizer(datagrams), client_at(peer)
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(sender.send(client, HERE, DISCONNECT)) for _ in range(2)]
            await peer.has(1)
            assert await sender.send(client, HERE, DISCONNECT) == NotSent()
            for task in waiting:
                task.cancel()


async def test_who_gets_no_turn_in_time_is_told() -> None:
    async with (
        access_point(say_nothing) as peer,
        exchanges(in_flight_per_peer=1, patience_s=0.05) as datagrams,
    ):
        sender, client = authorizer(datagrams), client_at(peer)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(sender.send(client, HERE, DISCONNECT))
            await peer.has(1)
            assert await sender.send(client, HERE, DISCONNECT) == NotSent()
            first.cancel()


async def test_what_the_kernel_will_not_send_is_silence() -> None:
    async with access_point() as peer, exchanges(IMPATIENT) as datagrams:
        sender = authorizer(datagrams)
        assert await sender.send(client_at(peer), "255.255.255.255", DISCONNECT) == Silent()
    assert datagrams.counts[ExchangeEvent.SEND_FAILED] == 5


async def test_without_a_socket_to_send_from_nothing_is_sent() -> None:
    def refuse(_family: socket.AddressFamily) -> socket.socket:
        raise OSError

    async with access_point() as peer, exchanges(open_socket=refuse) as datagrams:
        assert await authorizer(datagrams).send(client_at(peer), HERE, DISCONNECT) == NotSent()


async def test_the_settings_may_name_another_address() -> None:
    async with access_point(address="127.0.0.7") as peer, exchanges() as datagrams:
        client = client_at(peer, address="127.0.0.7")
        assert await authorizer(datagrams).send(client, "192.0.2.9", CHANGE) == Accepted()


async def test_who_takes_no_such_requests_gets_none() -> None:
    async with exchanges() as datagrams:
        client = RadiusClient("cloud", (), Secret(SECRET), dynamic_authorization=None)
        assert await authorizer(datagrams).send(client, HERE, CHANGE) == Unsupported(None)
        assert not datagrams.counts


async def test_a_failure_is_logged_without_device_or_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("WARNING", "radius_bridge")
    async with (
        access_point(lambda request: [reply(request, cause=504)]) as peer,
        exchanges() as datagrams,
    ):
        sender, client = authorizer(datagrams), client_at(peer)
        for _ in range(3):
            await sender.send(client, HERE, DISCONNECT)
        peer.behaviour = agree
        await sender.send(client, HERE, DISCONNECT)
    (line,) = caplog.messages
    assert line == "client branch-1: 1 times dynamic_refused, lately Error-Cause 504"
