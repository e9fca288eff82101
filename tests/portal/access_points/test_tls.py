"""An access point behind NAT: it asks over RADIUS/TLS, and is told on the connection it opened."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyrad.packet import CoAPacket
from structlog.testing import capture_logs

from portal.access_points.settings import Bridged
from portal.clock import utc_now
from portal.composition import radius_parts
from portal.composition.radius_parts import compose_tls, look_at_revoked
from portal.composition.start import StartError
from portal.config_radius import Radius
from radius_bridge.clients import Clients
from radius_bridge.tls_server import TlsServer
from radius_bridge.wire import Code, encode
from tests.peers.access_point import WORDS, Request, reply
from tests.portal.access_points.running import Running, dashed, mac, running, session_of
from tests.radius_bridge.bridge import by_mac, signed
from tests.radius_bridge.certificates import ENTRANCE, Certificates
from tests.radius_bridge.tls_peer import RADSEC, TlsPeer, client_context, connected


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def section(certificates: Certificates, **changes: object) -> Radius:
    files = certificates.server
    client = {"name": "ap", "site": "village", "certificate_names": [ENTRANCE]}
    values: dict[str, object] = {
        "addresses": ["127.0.0.1"],
        "certificate_file": files.certificate,
        "private_key_file": files.key,
        "client_ca_file": files.client_authority,
        "clients": [client],
        **changes,
    }
    return Radius.model_validate(values)


def with_certificate(served: Bridged) -> Bridged:
    clients = (
        replace(client, certificate_names=(ENTRANCE,)) if client.name == "ap" else client
        for client in served.clients.all
    )
    return replace(served, clients=Clients(clients))


@asynccontextmanager
async def over_tls(bridge: Running, certificates: Certificates) -> AsyncIterator[TlsPeer]:
    """Serve RADIUS/TLS beside UDP, and connect the access point to it."""
    composed = compose_tls(section(certificates), bridge.bridge.responder)
    assert composed is not None
    with TlsServer(bridge.bridge.responder, [("127.0.0.1", 0)], composed._context) as server:
        bridge.bridge.tls = server
        bridge.bridge.serve(with_certificate(bridge.bridge.served))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.run())
            context = client_context(certificates.authority, certificates.of(ENTRANCE))
            await asyncio.sleep(0)  # it has begun
            async with connected(server.addresses[0], context) as peer:
                yield peer
            serving.cancel()


async def told(peer: TlsPeer) -> Request:
    octets = encode(await peer.hear())
    packet = CoAPacket(packet=octets, secret=b"radsec", dict=WORDS)
    assert packet.VerifyCoARequest()
    return Request(octets, ("", 0), packet)


async def test_a_device_is_let_in_and_put_out_on_one_connection(
    postgres_dsn: str, tmp_path: Path, certificates: Certificates
) -> None:
    async with running(postgres_dsn, tmp_path) as bridge:
        session = await bridge.let_in(1)
        await bridge.known(1)
        async with over_tls(bridge, certificates) as peer:
            accepted = await peer.ask(signed(by_mac(1, mac(1)), RADSEC))
            assert accepted.code == Code.ACCESS_ACCEPT
            assert session_of(accepted) == session.id
            await bridge.end(session)
            request = await told(peer)
            assert request.packet.code == Code.DISCONNECT_REQUEST
            assert request.packet["Calling-Station-Id"] == [dashed(mac(1))]
            peer.tell(reply(request, secret=b"radsec"))
            await bridge.known(1, online=False)
            refused = await peer.ask(signed(by_mac(2, mac(1)), RADSEC))
            assert refused.code == Code.ACCESS_REJECT
            counts = bridge.bridge.responder.pipeline.counters.of("ap")
            assert counts["dynamic_accepted"] == 1
        assert bridge.access_point.heard == [], "nothing of it went over UDP"


def test_without_certificate_there_is_no_tls_and_a_wrong_file_stops_the_start(
    certificates: Certificates, tmp_path: Path
) -> None:
    responder = None
    without = section(certificates, certificate_file=None)
    assert compose_tls(without, responder) is None  # type: ignore[arg-type]
    missing = section(certificates, client_ca_file=tmp_path / "missing.pem")
    with pytest.raises(StartError, match=r"missing\.pem"):
        compose_tls(missing, responder)  # type: ignore[arg-type]


def test_a_list_of_revoked_certificates_is_looked_at_where_one_is_configured(
    certificates: Certificates, tmp_path: Path
) -> None:
    responder = None
    listed = section(certificates, client_crl_file=certificates.folder / "revoked.pem")
    composed = compose_tls(listed, responder)  # type: ignore[arg-type]
    assert composed is not None
    assert composed._context.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF
    missing = section(certificates, client_crl_file=tmp_path / "none.pem")
    with pytest.raises(StartError, match=r"none\.pem"):
        compose_tls(missing, responder)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (10, []),
        (25, ["radius_revocation_list_is_over_soon"]),
        (31, ["radius_revocation_list_is_over"]),
    ],
)
async def test_that_the_list_of_revoked_ends_is_said_while_the_bridge_runs(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, days: int, said: list[str]
) -> None:
    files = replace(certificates.server, revoked=certificates.folder / "revoked.pem")
    later = utc_now() + timedelta(days=days)
    monkeypatch.setattr(radius_parts, "utc_now", lambda: later)
    monkeypatch.setattr(radius_parts, "LOOK_AT_REVOKED_EVERY_S", 0.0)
    with capture_logs() as logs:
        looking = asyncio.create_task(look_at_revoked(files))
        for _ in range(3):
            await asyncio.sleep(0)
        looking.cancel()
    assert [line["event"] for line in logs][:1] == said
