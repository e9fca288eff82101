"""FreeRADIUS before us as a proxy, and as a home server that proves our client's side."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from radius_bridge.authenticators import Verdict, judge_reply
from radius_bridge.mschap import (
    CHALLENGE,
    MICROSOFT,
    RESPONSE,
    SUCCESS,
    MsChapLogin,
    answer,
    challenge_hash,
    challenge_response,
)
from radius_bridge.old_ciphers import md4
from radius_bridge.passwords import chap_response
from radius_bridge.pipeline import Service
from radius_bridge.secret import Secret
from radius_bridge.server import Endpoint
from radius_bridge.wire import Attribute, Code, Packet, decode, vendor_attribute
from tests.peers.freeradius import home_server, proxy
from tests.ports import free_ports_in_a_row
from tests.radius_bridge.bridge import (
    MAC,
    SECRET,
    Asker,
    Bridge,
    accounting,
    bridge,
    by_mac,
    by_password,
    request,
    signed,
    status,
)

pytestmark = pytest.mark.program

SHARED = SECRET.reveal().decode()
PASSWORD = Secret(b"wonder")
USERS = 'alice Cleartext-Password := "wonder"\n\tReply-Message = "hej"\n'


def pair_at(port: int) -> list[Endpoint]:
    return [
        Endpoint("127.0.0.1", port, Service.AUTHENTICATION),
        Endpoint("127.0.0.1", port + 1, Service.ACCOUNTING),
    ]


async def asked_through(port: int, packet: Packet) -> Packet:
    """Ask the proxy until it answers: it may wait for a home server that is gone."""
    octets = signed(packet)
    with Asker() as asker:
        reply = decode(await asker.ask(octets, port))
    if packet.code == Code.ACCESS_REQUEST:
        assert judge_reply(reply, decode(octets), SECRET) is not Verdict.FORGED
    return reply


async def test_a_proxy_gets_what_a_client_would(tmp_path: Path) -> None:
    """It adds Message-Authenticator late, and Proxy-State behind it, and wants both back right."""
    home = free_ports_in_a_row(2)
    async with bridge(endpoints=pair_at(home)) as running, proxy(tmp_path, [home], SHARED) as port:
        reply = await asked_through(port, by_mac(1))
        assert (reply.code, reply.first(25)) == (Code.ACCESS_ACCEPT, b"session-1")
        assert running.policy.asked[0].station.mac == MAC
        refused = await asked_through(port, by_password(2, "alice", b"wrong"))
        assert refused.code == Code.ACCESS_REJECT
        assert refused.first(33) is None
        counted = await asked_through(port + 1, accounting(3, User_Name="020000000001"))
        assert counted.code == Code.ACCOUNTING_RESPONSE
        assert running.ledger.records[0].station.mac == MAC
        assert running.counted("accepted") == 1


async def test_a_proxy_turns_to_the_next_server(tmp_path: Path) -> None:
    """The first goes away: Status-Server gets no answer, and the second takes over."""
    first, second = free_ports_in_a_row(2), free_ports_in_a_row(2)
    async with (
        bridge(endpoints=pair_at(second)) as other,
        proxy(tmp_path, [first, second], SHARED) as port,
    ):
        async with bridge(endpoints=pair_at(first)) as running:
            assert (await asked_through(port, by_mac(1))).code == Code.ACCESS_ACCEPT
            assert (running.counted("accepted"), other.counted("accepted")) == (1, 0)
        assert await is_taken_over(port, other)


async def is_taken_over(port: int, other: Bridge) -> bool:
    """Ask as an access point does, again and again, until the other server answers."""
    octets = signed(by_mac(2))
    with Asker() as asker:
        while not other.counted("accepted"):
            asker.tell(octets, port)
            await asker.hears_within(1.0)
    return other.counted("accepted") == 1


@pytest.mark.parametrize("way", ["pap", "chap", "mschap"])
async def test_our_clients_side_is_believed(tmp_path: Path, way: str) -> None:
    """What the codec writes for a client, FreeRADIUS reads, and the other way round."""
    async with home_server(tmp_path, USERS, SHARED) as port:
        with Asker() as asker:
            octets = signed(login(way, PASSWORD))
            reply = decode(await asker.ask(octets, port))
            assert judge_reply(reply, decode(octets), SECRET) is not Verdict.FORGED
            assert (reply.code, reply.first(18)) == (Code.ACCESS_ACCEPT, b"hej")
            if way == "mschap":
                assert reply.vendor(MICROSOFT, SUCCESS) == (answer(mschap(PASSWORD), PASSWORD),)
            wrong = await asker.ask(signed(login(way, Secret(b"wrong"))), port)
            assert decode(wrong).code == Code.ACCESS_REJECT


def login(way: str, password: Secret) -> Packet:
    if way == "pap":
        return by_password(1, "alice", password.reveal())
    if way == "chap":
        challenge = os.urandom(16)
        response = Attribute(3, chap_response(5, password, challenge))
        return request(1, response, Attribute(60, challenge), User_Name="alice")
    made = mschap(password)
    parts = (bytes((made.identifier, 0)), made.peer_challenge, bytes(8), made.nt_response)
    return request(
        1,
        vendor_attribute(MICROSOFT, CHALLENGE, made.authenticator_challenge),
        vendor_attribute(MICROSOFT, RESPONSE, b"".join(parts)),
        User_Name="alice",
    )


def mschap(password: Secret) -> MsChapLogin:
    asked = MsChapLogin(7, b"alice", bytes(range(16)), bytes(range(16, 32)), b"")
    hashed = md4(password.reveal().decode().encode("utf-16-le"))
    return replace(asked, nt_response=challenge_response(challenge_hash(asked), hashed))


async def test_a_home_server_lives_and_accounts(tmp_path: Path) -> None:
    async with home_server(tmp_path, USERS, SHARED) as port:
        with Asker() as asker:
            for packet, code in (
                (status(1), Code.ACCESS_ACCEPT),
                (accounting(2), Code.ACCOUNTING_RESPONSE),
            ):
                octets = signed(packet)
                to = port + (packet.code == Code.ACCOUNTING_REQUEST)
                reply = decode(await asker.ask(octets, to))
                # Debian 12's proves no reply by Message-Authenticator: unproven, but not forged.
                assert judge_reply(reply, decode(octets), SECRET) is not Verdict.FORGED
                assert reply.code == code
