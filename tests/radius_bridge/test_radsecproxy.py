"""RADIUS/TLS as a foreign implementation speaks it: UDP into radsecproxy, TLS to us."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest
from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket

from radius_bridge.authenticators import Verdict, judge_reply
from radius_bridge.clients import RadiusClient
from radius_bridge.datagram_exchanges import DatagramExchanges
from radius_bridge.dynamic_authorization import DynamicAuthorizer
from radius_bridge.dynamic_requests import Silent
from radius_bridge.secret import Secret
from radius_bridge.tls_connection import Closed, ConnectionLimits
from radius_bridge.tls_server import TlsLimits
from radius_bridge.vendors.family import DynamicKind, DynamicMessage
from radius_bridge.wire import Attribute, Code, Packet, decode
from tests.peers.radsecproxy import SECRET, radsecproxy
from tests.radius_bridge.bridge import (
    MAC,
    STRANGE_MAC,
    Asker,
    by_mac,
    by_password,
    request,
    signed,
)
from tests.radius_bridge.certificates import HALL, Certificates
from tests.radius_bridge.test_tls_server import Running, bridge

pytestmark = pytest.mark.root

WORDS = Dictionary(
    StringIO(
        "ATTRIBUTE User-Name 1 string\nATTRIBUTE Calling-Station-Id 31 string\n"
        "ATTRIBUTE NAS-Identifier 32 string\nATTRIBUTE Acct-Status-Type 40 integer\n"
        "ATTRIBUTE Acct-Session-Id 44 string\n"
    )
)
OUTSIDE = Secret(SECRET)
BRANCH = RadiusClient("branch", (), Secret(b"of UDP"), certificate_names=(HALL,))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def unproved(octets: bytes) -> bytes:
    """Drop the Message-Authenticator that we always put first."""
    return octets[:2] + (len(octets) - 18).to_bytes(2, "big") + octets[4:20] + octets[38:]


async def ask(asker: Asker, octets: bytes, port: int) -> Packet:
    """Ask as an access point does: again, until the proxy listens and an answer has come."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                reply = await asker.ask_for(octets, port)
                if reply.identifier == octets[1]:
                    return reply


def counted(running: Running, what: str) -> int:
    return running.responder.pipeline.counters.of("branch").get(what, 0)


async def test_what_access_points_ask_over_udp_is_answered_over_tls(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates, BRANCH) as running,
        radsecproxy(certificates.folder, running.address[1]) as port,
    ):
        with Asker() as asker:
            for asked, code in (
                (by_mac(1), Code.ACCESS_ACCEPT),
                (by_mac(2, STRANGE_MAC), Code.ACCESS_REJECT),
                (by_password(3, "alice", b"wonder", secret=OUTSIDE), Code.ACCESS_ACCEPT),
                (by_password(4, "alice", b"wrong", secret=OUTSIDE), Code.ACCESS_REJECT),
            ):
                octets = signed(asked, OUTSIDE)
                reply = await ask(asker, octets, port)
                assert reply.code == code
                assert judge_reply(reply, decode(octets), OUTSIDE) is Verdict.GENUINE
        assert running.policy.asked[0].station.mac == MAC


def record(identifier: int, **values: str | int) -> bytes:
    """Sign an Accounting-Request as pyrad does, without Message-Authenticator.

    radsecproxy 1.9 refuses one that has it: it reckons with another authenticator than the zeros
    that FreeRADIUS, pyrad and we take.
    """
    packet = AcctPacket(id=identifier, secret=SECRET, dict=WORDS)
    for name, value in values.items():
        packet[name.replace("_", "-")] = value
    signed_one: bytes = packet.RequestPacket()
    return signed_one


async def test_records_are_passed_on_and_those_without_a_name_are_not(
    certificates: Certificates,
) -> None:
    station = "02-00-00-00-00-01"
    start = record(
        1, User_Name=station, Calling_Station_Id=station, Acct_Status_Type=1, Acct_Session_Id="5A"
    )
    on = record(2, NAS_Identifier="ap-hall", Acct_Status_Type=7, Acct_Session_Id="5B")
    async with (
        bridge(certificates, BRANCH) as running,
        radsecproxy(certificates.folder, running.address[1]) as port,
    ):
        with Asker() as asker:
            for octets in (start, on):
                assert (await ask(asker, octets, port)).code == Code.ACCOUNTING_RESPONSE
        assert [one.station.mac for one in running.ledger.records] == [MAC]


async def test_a_request_without_message_authenticator_arrives_without_and_is_served(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates, BRANCH) as running,
        radsecproxy(certificates.folder, running.address[1]) as port,
    ):
        with Asker() as asker:
            reply = await ask(asker, unproved(signed(by_mac(1), OUTSIDE)), port)
        assert reply.code == Code.ACCESS_ACCEPT
        assert counted(running, "served_without_message_authenticator") == 1


async def test_chap_whose_challenge_was_the_authenticator_arrives_whole(
    certificates: Certificates,
) -> None:
    challenge = bytes(range(16))
    answer = b"\7" + hashlib.md5(b"\7wonder" + challenge).digest()  # noqa: S324 - RFC 1994
    asked = request(1, Attribute(3, answer), authenticator=challenge, User_Name="alice")
    async with (
        bridge(certificates, BRANCH) as running,
        radsecproxy(certificates.folder, running.address[1]) as port,
    ):
        with Asker() as asker:
            reply = await ask(asker, signed(asked, OUTSIDE), port)
        assert reply.code == Code.ACCESS_ACCEPT


async def test_its_watchdog_is_answered(certificates: Certificates) -> None:
    async with (
        bridge(certificates, BRANCH) as running,
        radsecproxy(certificates.folder, running.address[1], speed=20),
    ):
        while counted(running, "status") < 2:
            await asyncio.sleep(0.01)


async def test_it_comes_back_when_its_connection_is_gone(certificates: Certificates) -> None:
    async with (
        bridge(certificates, BRANCH) as running,
        radsecproxy(certificates.folder, running.address[1], speed=5) as port,
    ):
        while not running.server.counts["closed_idle"]:
            for connection in running.connections():
                connection.close(Closed.IDLE)
            await asyncio.sleep(0.01)
        with Asker() as asker:
            reply = await ask(asker, signed(by_mac(1), OUTSIDE), port)
        assert reply.code == Code.ACCESS_ACCEPT


async def test_with_a_name_that_is_nobodys_it_gets_nothing(certificates: Certificates) -> None:
    nobody = replace(BRANCH, certificate_names=("other.library.example",))
    async with (
        bridge(certificates, nobody) as running,
        radsecproxy(certificates.folder, running.address[1]),
    ):
        await running.until("unknown_certificate")
        assert running.server.connected == {}


async def test_what_we_send_unasked_it_does_not_pass_on(certificates: Certificates) -> None:
    limits = TlsLimits(connection=ConnectionLimits(reply_s=0.3))
    message = DynamicMessage(DynamicKind.DISCONNECT, (Attribute(31, b"02-00-00-00-00-01"),))
    async with (
        bridge(certificates, BRANCH, limits=limits) as running,
        radsecproxy(certificates.folder, running.address[1]) as port,
    ):
        await running.until("connected")
        sender = DynamicAuthorizer(
            lambda: datetime.now(UTC), DatagramExchanges(), connections=running.server
        )
        assert await sender.send(BRANCH, "127.0.0.1", message) == Silent()
        with Asker() as asker:
            reply = await ask(asker, signed(by_mac(1), OUTSIDE), port)
        assert reply.code == Code.ACCESS_ACCEPT
        assert running.server.counts["connected"] == 1
