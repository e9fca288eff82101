"""Clients that nobody here wrote: radclient, eapol_test, pyrad, and scapy for what is hostile."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Sequence
from pathlib import Path

import pytest
from pyrad.client import Client as PyradClient
from pyrad.client import Timeout
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessReject, AccountingResponse
from pyrad.packet import Packet as PyradPacket
from scapy.layers.radius import (
    Radius,
    RadiusAttr_Message_Authenticator,
    RadiusAttr_User_Name,
    RadiusAttribute,
)

from radius_bridge.passwords import chap_response
from radius_bridge.pipeline import Discard, Service
from radius_bridge.secret import Secret
from tests.radius_bridge.bridge import (
    CLIENT,
    LEGACY,
    MAC,
    SECRET,
    Asker,
    Bridge,
    bridge,
    signed,
    status,
)

pytestmark = pytest.mark.program

SHARED = SECRET.reveal().decode()
BY_MAC = ["User-Name=020000000001", "Calling-Station-Id=02-00-00-00-00-01"]
PROOF = "Message-Authenticator=0x00"


async def program(*command: str, given: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE if given else DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate(given.encode() or None)
    return output.decode()


async def radclient(
    running: Bridge, kind: str, attributes: Sequence[str], service: Service | None = None
) -> str:
    """Send one request, once; radclient proves the reply before it shows it."""
    port = running.port(service or Service.AUTHENTICATION)
    command = ["radclient", "-x", "-r", "1", "-t", "5", f"127.0.0.1:{port}", kind, SHARED]
    return await program(*command, given=",".join(attributes))


def received(output: str) -> list[str]:
    """The reply as radclient shows it: what it is, then its attributes by name, in order."""
    lines = output.partition("\nReceived ")[2].splitlines()
    return [lines[0].split()[0], *(line.split()[0] for line in lines[1:] if line[:1] == "\t")]


# --- radclient


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_radclient_lets_a_device_in(place: int) -> None:
    attributes = list(BY_MAC)
    attributes.insert(place, PROOF)
    async with bridge() as running:
        output = await radclient(running, "auth", attributes)
        assert received(output)[:2] == ["Access-Accept", "Message-Authenticator"]
        assert f"Class = 0x{b'session-1'.hex()}" in output
        assert running.policy.asked[0].station.mac == MAC


async def test_radclient_without_proof_is_served_by_exception_only() -> None:
    async with bridge(LEGACY) as running:
        assert received(await radclient(running, "auth", BY_MAC))[0] == "Access-Accept"
        assert running.counted("served_without_message_authenticator") == 1
    async with bridge() as running:
        command = ["radclient", "-x", "-r", "1", "-t", "1", f"127.0.0.1:{running.port()}"]
        output = await program(*command, "auth", SHARED, given=",".join(BY_MAC))
        assert "No reply from server" in output
        assert running.counted(Discard.UNPROVEN) == 1


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("User-Password=wonder", "Access-Accept"),
        ("User-Password=wrong", "Access-Reject"),
        (f"User-Password={'w' * 120}", "Access-Reject"),
        ("CHAP-Password=wonder", "Access-Accept"),
        ("CHAP-Password=wrong", "Access-Reject"),
        ("MS-CHAP-Password=wonder", "Access-Reject"),  # version 1, which nobody should speak
    ],
)
async def test_radclient_logs_in(way: str, expected: str) -> None:
    async with bridge() as running:
        output = await radclient(running, "auth", ["User-Name=alice", way, PROOF])
        assert received(output)[:2] == [expected, "Message-Authenticator"]


async def test_radclient_asks_whether_we_live() -> None:
    async with bridge() as running:
        output = await radclient(running, "status", [PROOF])
        assert received(output)[0] == "Access-Accept"
        output = await radclient(running, "status", [PROOF], Service.ACCOUNTING)
        assert received(output)[0] == "Accounting-Response"


async def test_radclient_accounts() -> None:
    steps = ["Accounting-On", "Start", "Interim-Update", "Stop", "Accounting-Off"]
    async with bridge() as running:
        for step in steps:
            attributes = [f"Acct-Status-Type={step}", "Acct-Session-Id=5A1F", *BY_MAC]
            output = await radclient(running, "acct", attributes, Service.ACCOUNTING)
            assert received(output) == ["Accounting-Response"]
        assert [record.status.name for record in running.ledger.records] == [
            "ACCOUNTING_ON",
            "START",
            "INTERIM_UPDATE",
            "STOP",
            "ACCOUNTING_OFF",
        ]


async def test_radclient_gets_its_proxy_states_back() -> None:
    states = ["Proxy-State=0x00", "Proxy-State=0x6f6464"]
    async with bridge() as running:
        output = await radclient(running, "auth", [states[0], *BY_MAC, states[1], PROOF])
        assert [one for one in received(output) if one == "Proxy-State"] == ["Proxy-State"] * 2
        assert output.index("Proxy-State = 0x00\n") < output.rindex("Proxy-State = 0x6f6464")


# --- eapol_test


_EAP = """network={
  key_mgmt=WPA-EAP
  eap=MD5
  identity="alice"
  password="wonder"
}
"""


async def test_eapol_test_is_refused_cleanly(tmp_path: Path) -> None:
    file = tmp_path / "eap.conf"
    file.write_text(_EAP)
    async with bridge() as running:
        command = ["eapol_test", "-c", str(file), "-a", "127.0.0.1", "-p", str(running.port())]
        output = await program(*command, "-s", SHARED, "-t", "20", "-n", "-N", "32:s:lib-ap1")
        assert output.splitlines()[-1] == "FAILURE"
        assert "EAPOL test timed out" not in output
        assert "CTRL-EVENT-EAP-FAILURE" in output
        assert running.counted("rejected") == 1


# --- pyrad


DICTIONARY = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 string encrypt=1
ATTRIBUTE CHAP-Password 3 octets
ATTRIBUTE Class 25 octets
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE Proxy-State 33 octets
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE CHAP-Challenge 60 octets
ATTRIBUTE Message-Authenticator 80 octets
"""


@pytest.fixture
def dictionary(tmp_path: Path) -> Dictionary:
    file = tmp_path / "dictionary"
    file.write_text(DICTIONARY)
    return Dictionary(str(file))


def pyrad(running: Bridge, dictionary: Dictionary, secret: Secret = SECRET) -> PyradClient:
    client = PyradClient(
        "127.0.0.1",
        authport=running.port(),
        acctport=running.port(Service.ACCOUNTING),
        secret=secret.reveal(),
        dict=dictionary,
        retries=1,
        timeout=30,
        enforce_ma=True,
    )
    client.bind(("127.0.0.1", 0))
    return client


async def send(client: PyradClient, packet: PyradPacket) -> PyradPacket:
    return await asyncio.to_thread(client.SendPacket, packet)


async def test_pyrad_believes_accepts_and_rejects(dictionary: Dictionary) -> None:
    async with bridge() as running:
        client = pyrad(running, dictionary)
        for password, code in (("wonder", AccessAccept), ("wrong", AccessReject)):
            packet = client.CreateAuthPacket(User_Name="alice")
            packet["User-Password"] = packet.PwCrypt(password)
            packet["Proxy-State"] = [b"one", b"two"]
            packet.add_message_authenticator()
            reply = await send(client, packet)
            assert reply.code == code
            assert reply["Proxy-State"] == [b"one", b"two"]
            assert next(iter(reply)) == 80


async def test_pyrad_logs_in_by_chap_with_a_challenge(dictionary: Dictionary) -> None:
    async with bridge() as running:
        client, challenge = pyrad(running, dictionary), bytes(range(16))
        packet = client.CreateAuthPacket(User_Name="alice")
        packet["CHAP-Challenge"] = challenge
        packet["CHAP-Password"] = chap_response(7, Secret(b"wonder"), challenge)
        packet.add_message_authenticator()
        assert (await send(client, packet)).code == AccessAccept


async def test_pyrad_accounts(dictionary: Dictionary) -> None:
    async with bridge() as running:
        client = pyrad(running, dictionary)
        packet = client.CreateAcctPacket(Acct_Session_Id="5A1F", User_Name="020000000001")
        packet["Acct-Status-Type"] = 1
        packet["Calling-Station-Id"] = "02-00-00-00-00-01"
        assert (await send(client, packet)).code == AccountingResponse
        assert running.ledger.records[0].station.mac == MAC


async def test_pyrad_with_another_secret_hears_nothing(dictionary: Dictionary) -> None:
    async with bridge() as running:
        client = pyrad(running, dictionary, Secret(b"another secret"))
        client.timeout = 0.2
        packet = client.CreateAuthPacket(User_Name="alice")
        packet.add_message_authenticator()
        with pytest.raises(Timeout):
            await send(client, packet)
        assert running.counted(Discard.FORGED) == 1


# --- scapy


def scapy_packets() -> list[bytes]:
    """Packets that another encoder made wrong on purpose."""
    name = RadiusAttr_User_Name(value=b"alice")
    proof = RadiusAttr_Message_Authenticator(value=bytes(16))
    made = [
        Radius(code=1, id=1, attributes=[name, proof]),
        Radius(code=1, id=1, attributes=[name, proof, proof]),
        Radius(code=1, id=1, attributes=[name, RadiusAttribute(type=80, value=b"short")]),
        Radius(code=1, id=1, len=4000, attributes=[name]),
        Radius(code=1, id=1, len=19, attributes=[name]),
        Radius(code=1, id=1, attributes=[RadiusAttribute(type=1, len=0, value=b"x")]),
        Radius(code=1, id=1, attributes=[RadiusAttribute(type=1, len=1, value=b"x")]),
        Radius(code=1, id=1, attributes=[RadiusAttribute(type=1, len=200, value=b"x")]),
        Radius(code=1, id=1, attributes=[RadiusAttribute(type=26, value=b"\0\0\0\x09\1\0xx")]),
        Radius(code=1, id=1, attributes=[RadiusAttribute(type=79, value=b"\2\1\0\5\1")]),
        Radius(code=12, id=1, attributes=[name]),
        Radius(code=4, id=1, attributes=[name]),
        Radius(code=43, id=1, attributes=[name]),
        Radius(code=255, id=1, attributes=[name]),
    ]
    return [bytes(one) for one in made]


@pytest.mark.parametrize("service", [Service.AUTHENTICATION, Service.ACCOUNTING])
async def test_hostile_packets_are_silence(service: Service) -> None:
    """Not a byte comes back, and whoever asks properly meanwhile is answered."""
    async with bridge() as running:
        with Asker() as asker:
            sent = 0
            for octets in scapy_packets():
                for end in range(1, len(octets) + 1):
                    asker.tell(octets[:end], running.port(service))
                    sent += 1
            alive = await asker.hears_nothing_but(signed(status(200)), running.port(service))
            assert alive.first(80) is not None
        counts = running.pipeline.counters.of(CLIENT.name)
        assert sum(counts.get(why, 0) for why in Discard) == sent
