import asyncio
import os
import socket
import ssl
import tomllib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from portal.config_radius import Radius
from radius_bridge.authenticators import Verdict, judge_reply
from radius_bridge.clients import Clients, RadiusClient
from radius_bridge.pipeline import Pipeline
from radius_bridge.responder import Responder
from radius_bridge.secret import Secret
from radius_bridge.tls_connection import Closed, ConnectionLimits, TlsConnection
from radius_bridge.tls_context import TlsFiles, TlsFilesError, load_context, read_revoked
from radius_bridge.tls_server import TlsLimits, TlsServer
from radius_bridge.wire import Code, Packet, decode
from tests.ports import free_port
from tests.radius_bridge.bridge import (
    FAMILIES,
    MemoryLedger,
    MemoryPolicy,
    accounting,
    by_mac,
    by_password,
    now,
    signed,
    status,
)
from tests.radius_bridge.certificates import ENTRANCE, HALL, PAGE, SERVER, Certificates, run
from tests.radius_bridge.tls_peer import RADSEC, TlsPeer, client_context, connected

pytestmark = pytest.mark.program

CLIENT = RadiusClient(
    "entrance", (), Secret(b"of UDP, not used here"), certificate_names=(ENTRANCE,)
)
OTHER = RadiusClient("hall", (), Secret(b"of UDP, not used here"), certificate_names=(HALL,))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@dataclass
class Running:
    """A bridge that serves RADIUS/TLS alone."""

    responder: Responder
    server: TlsServer
    policy: MemoryPolicy
    ledger: MemoryLedger
    certificates: Certificates

    @property
    def address(self) -> tuple[str, int]:
        return self.server.addresses[0]

    def peer(self, name: str = ENTRANCE, **how: Any) -> AbstractAsyncContextManager[TlsPeer]:
        context = client_context(self.certificates.authority, self.certificates.of(name))
        return connected(self.address, context, **how)

    def counted(self, what: str) -> int:
        return self.responder.pipeline.counters.of("entrance").get(what, 0)

    def connections(self) -> list[TlsConnection]:
        return self.server._all()

    async def until(self, what: str, count: int = 1) -> None:
        """Give the server turns until it has counted."""
        while self.server.counts[what] < count:
            await asyncio.sleep(0.002)


@asynccontextmanager
async def bridge(
    certificates: Certificates,
    *clients: RadiusClient,
    limits: TlsLimits | None = None,
    address: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[Running]:
    pipeline = Pipeline(Clients(clients or (CLIENT, OTHER)), FAMILIES, reject_delay_s=0.0)  # type: ignore[arg-type]
    policy, ledger = MemoryPolicy(), MemoryLedger()
    responder = Responder(pipeline, policy, ledger, now)
    context = load_context(certificates.server)
    with TlsServer(responder, [(address, port)], context, limits) as server:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(responder.run()), tasks.create_task(server.run())]
            await asyncio.sleep(0)  # both have begun
            yield Running(responder, server, policy, ledger, certificates)
            for task in running:
                task.cancel()


def in_tls(packet: Packet) -> bytes:
    return signed(packet, RADSEC)


def without_proof(packet: Packet) -> bytes:
    """Drop the Message-Authenticator that we always put first."""
    octets = in_tls(packet)
    return octets[:2] + (len(octets) - 18).to_bytes(2, "big") + octets[4:20] + octets[38:]


async def all_codes_on_one_port(certificates: Certificates) -> None:
    async with bridge(certificates) as running, running.peer() as peer:
        for asked, code in (
            (by_mac(1), Code.ACCESS_ACCEPT),
            (by_password(2, "alice", b"wonder", secret=RADSEC), Code.ACCESS_ACCEPT),
            (by_password(2, "alice", b"wrong", secret=RADSEC), Code.ACCESS_REJECT),
            (accounting(3), Code.ACCOUNTING_RESPONSE),
            (status(0), Code.ACCESS_ACCEPT),
        ):
            octets = in_tls(asked)
            reply = await peer.ask(octets)
            assert reply.code == code
            assert judge_reply(reply, decode(octets), RADSEC) is Verdict.GENUINE
        assert running.policy.asked[0].client.name == "entrance"
        assert running.policy.asked[0].station.source_ip == "127.0.0.1"
        assert len(running.ledger.records) == 1
        assert running.server.connected == {"entrance": 1}


async def test_all_codes_are_served_on_one_port(certificates: Certificates) -> None:
    await all_codes_on_one_port(certificates)


def test_the_same_on_uvloop(certificates: Certificates) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_codes_on_one_port(certificates))


async def test_ipv6_is_served(certificates: Certificates) -> None:
    async with (
        bridge(certificates, address="::1") as running,
        running.peer(local="::1") as peer,
    ):
        assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT


async def test_a_request_without_message_authenticator_is_served_here(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running, running.peer() as peer:
        reply = await peer.ask(without_proof(by_mac(1)))
        assert reply.code == Code.ACCESS_ACCEPT
        assert reply.attributes[0].kind == 80


async def test_octets_that_come_one_by_one_and_many_packets_at_once(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running, running.peer() as peer:
        for octet in in_tls(by_mac(1)):
            peer.tell(bytes((octet,)))
            await peer.writer.drain()
        assert (await peer.hear()).identifier == 1
        peer.tell(b"".join(in_tls(accounting(number)) for number in range(256)))
        heard = [(await peer.hear()).identifier for _ in range(256)]
        assert sorted(heard) == list(range(256))


def other_length(packet: bytes, length: int) -> bytes:
    return packet[:2] + length.to_bytes(2, "big") + packet[4:]


BREAKING = {
    "Length 19": (lambda: other_length(in_tls(by_mac(1)), 19), "packet_length_wrong"),
    "Length 4097": (lambda: other_length(in_tls(by_mac(1)), 4097), "packet_length_wrong"),
    "attribute past the end": (
        lambda: b"\1\1\0\x17" + bytes(16) + b"\1\x05x",
        "attribute_length_wrong",
    ),
    "wrong Message-Authenticator": (
        lambda: signed(by_mac(1), Secret(b"other")),
        "authenticator_wrong",
    ),
    "wrong accounting authenticator": (
        lambda: signed(accounting(1), Secret(b"other")),
        "authenticator_wrong",
    ),
    "Status-Server without proof": (lambda: without_proof(status(0)), "authenticator_wrong"),
    "reply that is no packet": (
        lambda: b"\x2c\1\0\x17" + bytes(16) + b"\1\x05x",
        "attribute_length_wrong",
    ),
}


@pytest.mark.parametrize("name", BREAKING)
async def test_what_cannot_be_trusted_closes_its_connection_and_no_other(
    certificates: Certificates, name: str
) -> None:
    make, reason = BREAKING[name]
    async with bridge(certificates) as running, running.peer(HALL) as bystander:
        async with running.peer() as peer:
            assert (await peer.ask(in_tls(by_mac(1)))).code == Code.ACCESS_ACCEPT
            peer.tell(make() + in_tls(status(0)))
            assert await peer.is_closed()
        assert running.counted(reason) == 1
        assert running.counted("status") == 0
        assert (await bystander.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT


async def test_what_is_only_not_served_closes_nothing(certificates: Certificates) -> None:
    async with bridge(certificates) as running, running.peer() as peer:
        late_reply = Packet(Code.DISCONNECT_ACK, 9, bytes(16))
        unknown = Packet(77, 1, bytes(16))
        for packet in (unknown, late_reply):
            peer.tell(bytes((packet.code, packet.identifier, 0, 20)) + packet.authenticator)
        assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        assert running.counted("code_not_served") == 1


async def refused(running: Running, context: ssl.SSLContext) -> bool:
    """Whether nothing is answered there: with TLS 1.3, the refusal comes after the handshake."""
    try:
        async with connected(running.address, context) as peer:
            peer.tell(in_tls(status(0)))
            return await peer.is_closed()
    except (ssl.SSLError, ConnectionError):
        return True


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_only_certificates_of_our_authority_that_name_a_client_come_in(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    certificates.sign("ap-unknown.library.example")
    certificates.sign(ENTRANCE + ".old", day="2020-01-01")
    certificates.sign(ENTRANCE + ".server", purpose="serverAuth")
    names = (ENTRANCE, ENTRANCE + ".old", ENTRANCE + ".server")
    client = replace(CLIENT, certificate_names=names)
    wrong = {
        "none": None,
        "another authority's": certificates.foreign.of(ENTRANCE),
        "expired": certificates.of(ENTRANCE + ".old"),
        "a server's": certificates.of(ENTRANCE + ".server"),
        "of no client": certificates.of("ap-unknown.library.example"),
    }
    async with bridge(certificates, client) as running:
        for own in wrong.values():
            context = client_context(certificates.authority, own)
            context.minimum_version = context.maximum_version = version
            assert await refused(running, context)
        await running.until("handshake_failed", 4)
        await running.until("unknown_certificate", 1)
        (stranger,) = running.responder.pipeline.counters.strangers()
        assert (stranger.address, stranger.count) == ("127.0.0.1", 5)
        assert running.server.connected == {}
        assert not running.policy.asked


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_an_old_tls_is_refused(certificates: Certificates) -> None:
    context = client_context(certificates.authority, certificates.of(ENTRANCE))
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with bridge(certificates) as running:
        assert await refused(running, context)


@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ((), None),
        (("radius/1.0",), "radius/1.0"),
        (("radius/1.1", "radius/1.0"), "radius/1.0"),
        (("radius/1.1",), None),
    ],
)
async def test_radius_1_1_alone_is_not_selected(
    certificates: Certificates, offered: tuple[str, ...], selected: str | None
) -> None:
    context = client_context(certificates.authority, certificates.of(ENTRANCE), offered)
    async with bridge(certificates) as running, connected(running.address, context) as peer:
        assert peer.tls.selected_alpn_protocol() == selected
        assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT


async def test_replies_die_with_their_connection(certificates: Certificates) -> None:
    async with bridge(certificates) as running:
        running.policy.slow.add(b"alice")
        asked = in_tls(by_password(7, "alice", b"wonder", secret=RADSEC))
        async with running.peer() as cut:
            cut.tell(asked)
            assert (await cut.ask(in_tls(by_mac(1)))).identifier == 1
        await running.until("closed_by_peer")
        async with running.peer() as peer:
            running.policy.may_answer.set()
            assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
            assert (await peer.ask(asked)).code == Code.ACCESS_ACCEPT
            assert len([one for one in running.policy.asked if not one.is_mac_authentication]) == 2


async def test_nothing_is_remembered_for_the_next_connection_from_the_same_port(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running:
        asked, port = in_tls(by_mac(7)), free_port()
        for number in (1, 2):
            async with running.peer(local_port=port) as peer:
                await peer.ask(asked)
                assert len(running.policy.asked) == number
                running.connections()[0].close(Closed.IDLE)
                assert await peer.is_closed()


async def test_a_repeated_request_on_one_connection_gets_the_same_reply(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running, running.peer() as peer:
        asked = in_tls(by_mac(7))
        assert await peer.ask(asked) == await peer.ask(asked)
        assert len(running.policy.asked) == 1


async def test_a_handshake_has_little_time_and_few_places(certificates: Certificates) -> None:
    limits = TlsLimits(handshakes_of_address=2, handshake_s=0.3)
    async with bridge(certificates, limits=limits) as running:
        idle = [await asyncio.open_connection(*running.address) for _ in range(3)]
        await running.until("no_room")
        assert await idle[2][0].read() == b""
        await running.until("handshake_failed", 2)
        async with running.peer() as peer:
            assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        for _, writer in idle:
            writer.close()


async def test_a_handshake_that_dawdles_delays_nobody(certificates: Certificates) -> None:
    async with bridge(certificates) as running:
        _, writer = await asyncio.open_connection(*running.address)
        writer.write(b"\x16\3\1\2\0")
        async with running.peer() as peer:
            assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        writer.close()


async def test_rubbish_instead_of_a_handshake_is_counted(certificates: Certificates) -> None:
    async with bridge(certificates) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        writer.write(os.urandom(300))
        await reader.read()
        await running.until("handshake_failed")
        writer.close()


async def test_where_all_places_are_taken_nobody_more_comes_in(certificates: Certificates) -> None:
    async with bridge(certificates, limits=TlsLimits(connections=1)) as running:
        async with running.peer() as first:
            assert (await first.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await running.peer(HALL).__aenter__()
        await running.until("closed_by_peer")
        async with running.peer() as second:
            assert (await second.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT


async def test_a_clients_oldest_connection_gives_way_to_its_newest(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates, limits=TlsLimits(of_client=2)) as running,
        running.peer(HALL) as other,
        running.peer() as first,
        running.peer() as second,
        running.peer() as third,
    ):
        assert await first.is_closed()
        for peer in (second, third, other):
            assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        assert running.server.counts["closed_too_many_connections_of_client"] == 1


def quick(**limits: float) -> TlsLimits:
    return TlsLimits(connection=ConnectionLimits(**limits), check_every_s=0.01)


async def test_a_peer_that_vanished_is_found_out_by_tcp(certificates: Certificates) -> None:
    async with bridge(certificates) as running, running.peer() as peer:
        assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        (connection,) = running.connections()
        ours = connection._transport.get_extra_info("socket")
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 40_000


async def test_a_packet_that_is_begun_must_be_ended(certificates: Certificates) -> None:
    async with bridge(certificates, limits=quick(packet_s=0.1)) as running, running.peer() as peer:
        whole = in_tls(by_mac(1))
        assert (await peer.ask(whole)).identifier == 1
        dripped = 0
        while running.server.counts["closed_packet_not_ended"] == 0:
            peer.tell(whole[dripped : dripped + 1])  # octets of one packet extend nothing
            dripped = min(dripped + 1, len(whole) - 2)
            await asyncio.sleep(0.005)
        assert await peer.is_closed()


async def test_who_is_idle_for_long_is_let_go(certificates: Certificates) -> None:
    async with bridge(certificates, limits=quick(idle_s=0.1)) as running, running.peer() as peer:
        assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        assert await peer.is_closed()
        assert running.server.counts["closed_idle"] == 1


async def test_who_does_not_read_is_asked_nothing_more_and_let_go(
    certificates: Certificates,
) -> None:
    async with bridge(certificates) as running, running.peer() as peer:
        assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        (connection,) = running.connections()
        connection.pause_writing()
        peer.tell(in_tls(by_mac(1)))
        async with running.peer(HALL) as other:
            assert (await other.ask(in_tls(by_mac(2)))).identifier == 2
        assert [one.client.name for one in running.policy.asked] == ["hall"]
        connection.resume_writing()
        assert (await peer.hear()).identifier == 1
        connection.pause_writing()
        connection.check(asyncio.get_running_loop().time() + 29)
        assert connection.closed is None
        connection.check(asyncio.get_running_loop().time() + 31)
        assert await peer.is_closed()
        await running.until("closed_replies_not_read")


async def test_a_peer_that_never_reads_costs_a_bounded_memory(certificates: Certificates) -> None:
    async with bridge(certificates) as running:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(running.address)
        context = client_context(certificates.authority, certificates.of(ENTRANCE))
        tls = await asyncio.to_thread(context.wrap_socket, raw, server_hostname=SERVER)
        await running.until("connected")
        (connection,) = running.connections()
        ours = connection._transport.get_extra_info("socket")
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        flood = b"".join(in_tls(accounting(number)) for number in range(256))

        def push() -> None:
            with suppress(OSError):
                while True:
                    tls.sendall(flood)

        pushing = asyncio.get_running_loop().run_in_executor(None, push)
        while connection._unread_since_s is None:
            await asyncio.sleep(0.01)
        # What it had read by then is answered still, and a reply is shorter than its request.
        assert connection._transport.get_write_buffer_size() < 64 * 1024 + 600_000
        assert len(connection._framer._octets) < 600_000  # two readings of asyncio, 256 KiB each
        async with running.peer(HALL) as other:
            assert (await other.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        connection.close(Closed.UNREAD)
        await pushing
        tls.close()


async def test_certificates_are_renewed_without_dropping_anybody(
    certificates: Certificates,
) -> None:
    certificates.sign("renewed", purpose="serverAuth")
    run(certificates.folder, f"sed 's/renewed/{SERVER}/' renewed.ext > other.ext")
    run(
        certificates.folder,
        "openssl x509 -req -in renewed.csr -CA authority.pem -CAkey authority.key -CAcreateserial "
        "-days 9 -extfile other.ext -out renewed.pem",
    )
    renewed = TlsFiles(*certificates.of("renewed"), certificates.authority)
    async with bridge(certificates) as running, running.peer() as before:
        assert (await before.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        running.server.renew(load_context(renewed))
        async with running.peer() as after:
            assert (await after.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
            shown = [peer.tls.getpeercert(binary_form=True) for peer in (before, after)]
            assert shown[0] != shown[1]
        assert (await before.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT


async def test_who_is_revoked_is_put_off_and_does_not_come_back(certificates: Certificates) -> None:
    listed = replace(certificates.server, revoked=certificates.folder / "revoked.pem")
    async with bridge(certificates) as running, running.peer() as entrance:
        async with running.peer(HALL) as hall:
            assert (await hall.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
            assert (await entrance.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
            running.server.renew(load_context(listed), read_revoked(listed).serials)
            assert await hall.is_closed()
        await running.until("closed_certificate_revoked")
        async with running.peer(HALL) as again:
            assert await again.is_closed()
        await running.until("handshake_failed")
        assert (await entrance.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
        async with running.peer() as another:
            assert (await another.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT


async def test_who_is_revoked_while_it_shakes_hands_does_not_come_in(
    certificates: Certificates,
) -> None:
    """Else whoever holds a stolen key keeps one handshake open for the moment of the list."""
    listed = replace(certificates.server, revoked=certificates.folder / "revoked.pem")
    context = client_context(certificates.authority, certificates.of(HALL))
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(coming, going, server_hostname=SERVER)
    async with bridge(certificates) as running:
        reader, writer = await asyncio.open_connection(*running.address)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        writer.write(going.read())
        while True:
            coming.write(await reader.read(65536))
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                break
        running.server.renew(load_context(listed), read_revoked(listed).serials)
        tls.write(in_tls(status(0)))
        writer.write(going.read())
        coming.write(await reader.read(65536))
        coming.write_eof()
        with suppress(ssl.SSLError):
            assert tls.read() == b""
        await running.until("revoked_during_handshake")
        assert running.connections() == []
        writer.close()


@pytest.mark.parametrize("days", [10, 40])
async def test_under_a_list_that_is_over_its_time_nobody_comes_in(
    certificates: Certificates, days: int
) -> None:
    old = certificates.folder / f"old{days}.pem"
    run(
        certificates.folder,
        f"faketime '{days} days ago' openssl ca -config revoked.cnf -gencrl -out {old}",
    )
    listed = replace(certificates.server, revoked=old)
    async with bridge(certificates) as running:
        running.server.renew(load_context(listed), read_revoked(listed).serials)
        async with running.peer() as peer:
            if days < 30:
                assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
            else:
                assert await peer.is_closed()
    until = datetime.now(UTC) + timedelta(days=30 - days)
    assert abs((read_revoked(listed).good_until or until) - until) < timedelta(hours=1)


def test_a_list_that_is_no_list_of_our_authority_is_refused(certificates: Certificates) -> None:
    folder = certificates.folder
    (folder / "rubbish.pem").write_text("-----BEGIN X509 CRL-----\nrubbish")
    for name, why in (
        ("missing.pem", "No such file"),
        ("rubbish.pem", "rubbish.pem: "),
        ("foreign/revoked.pem", "is not signed by"),
    ):
        assert certificates.foreign
        with pytest.raises(TlsFilesError, match=why):
            load_context(replace(certificates.server, revoked=folder / name))


async def test_a_name_that_is_taken_off_the_list_is_closed_and_others_follow(
    certificates: Certificates,
) -> None:
    async with (
        bridge(certificates) as running,
        running.peer() as entrance,
        running.peer(HALL) as hall,
    ):
        await running.until("connected", 2)
        moved = replace(OTHER, name="great-hall")
        running.responder.reload(Clients((moved,)))
        running.server.follow_clients()
        assert await entrance.is_closed()
        assert (await hall.ask(in_tls(by_mac(1)))).code == Code.ACCESS_ACCEPT
        assert running.policy.asked[-1].client.name == "great-hall"
        await running.until("closed_no_client_any_more")
        assert running.server.connected == {"great-hall": 1}


async def test_it_stops_with_connections_and_frees_its_port(certificates: Certificates) -> None:
    async with AsyncExitStack() as later:
        async with bridge(certificates, port=free_port()) as running:
            peer = await later.enter_async_context(running.peer())
            assert (await peer.ask(in_tls(status(0)))).code == Code.ACCESS_ACCEPT
            address = running.address
        assert await peer.is_closed()
        with TlsServer(running.responder, [address], load_context(certificates.server)):
            pass


def test_a_port_that_is_taken_is_told_and_leaves_none_open(certificates: Certificates) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    addresses = [("127.0.0.1", 0), taken.getsockname()]
    server = TlsServer(None, addresses, load_context(certificates.server))  # type: ignore[arg-type]
    with taken, pytest.raises(OSError, match="in use"), server:
        pass
    assert server.addresses == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"certificate": "missing.pem"}, "no such file"),
        ({"key": f"{HALL}.key"}, "key values mismatch"),
        ({"certificate": f"{SERVER}.csr"}, "not pem"),
        ({"key": "locked.key"}, "encrypted"),
        ({"client_authority": "missing.pem"}, "missing.pem: No such file"),
        ({"client_authority": f"{SERVER}.csr"}, "no certificate or crl found"),
    ],
)
def test_files_that_cannot_be_used_are_told_by_name(
    certificates: Certificates, change: dict[str, str], words: str
) -> None:
    run(
        certificates.folder,
        f"openssl pkey -in {SERVER}.key -aes256 -passout pass:x -out locked.key",
    )
    files = replace(
        certificates.server, **{name: certificates.folder / file for name, file in change.items()}
    )
    with pytest.raises(TlsFilesError) as caught:
        load_context(files)
    assert words.lower() in str(caught.value).lower()
    assert next(iter(change.values())) in str(caught.value)


def test_the_settings_on_the_page_are_settings(certificates: Certificates) -> None:
    text = PAGE.read_text("utf-8")
    block = text[text.index("```toml\n") + 8 :]
    section = tomllib.loads(block[: block.index("```")])["radius"]
    radius = Radius.model_validate(section)
    assert radius.clients[0].certificate_names == [ENTRANCE, HALL]
    certificate, key = certificates.of(SERVER)
    assert radius.certificate_file == Path("/etc/kvar", certificate.name)
    assert radius.private_key_file == Path("/etc/kvar", key.name)


def test_nothing_of_a_key_is_in_an_error(certificates: Certificates) -> None:
    broken = certificates.folder / "broken.key"
    text = certificates.of(SERVER)[1].read_text("ascii")
    broken.write_text(text.replace(text[40:50], "!"), encoding="ascii")
    with pytest.raises(TlsFilesError) as caught:
        load_context(replace(certificates.server, key=broken))
    assert text[60:80] not in str(caught.value)
