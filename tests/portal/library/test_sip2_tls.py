import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2Settings, Sip2SettingsError, TlsMode, TlsSettings
from tests.peers.sip2_misbehaving import Peer, serving

CARD, PIN = Secret("20000000000001"), Secret("1234")
NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Identity:
    """A key and its certificate, in one PEM file."""

    file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_identity(
    folder: Path, name: str, issuer: Identity | None = None, expired: bool = False
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName("ils.example.org"), x509.IPAddress(ip_address("127.0.0.1"))]
    signer = issuer.key if issuer else key
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=2))
        .not_valid_after(NOW + timedelta(days=-1 if expired else 1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    file = folder / f"{name}.pem"
    file.write_bytes(pem)
    return Identity(file, certificate, key)


@dataclass(frozen=True)
class Certificates:
    authority: Identity
    server: Identity
    other_authority: Identity
    other_server: Identity
    expired: Identity
    client: Identity


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = make_identity(folder, "authority")
    other = make_identity(folder, "other-authority")
    return Certificates(
        authority,
        make_identity(folder, "server", authority),
        other,
        make_identity(folder, "other-server", other),
        make_identity(folder, "expired", authority, expired=True),
        make_identity(folder, "client", authority),
    )


def server_context(identity: Identity, client_authority: Identity | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.file)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority.file)
    return context


def library(port: int, tls: TlsSettings, host: str = "127.0.0.1") -> Sip2Library:
    return Sip2Library(
        Sip2Settings(
            host=host,
            port=port,
            tls=tls,
            login_user="portal",
            login_password=Secret("s3cret"),
            answer_timeout_s=6.0,
        )
    )


def ca(identity: Identity, **changes: Any) -> TlsSettings:
    return TlsSettings(TlsMode.CA, ca_file=identity.file, **changes)


Choose = Callable[[Certificates], TlsSettings]


@pytest.mark.parametrize(
    "choose",
    [
        lambda known: ca(known.authority),
        lambda known: ca(known.authority, server_name="ils.example.org"),
        lambda known: TlsSettings(TlsMode.PIN, ca_file=known.server.file),
    ],
    ids=["authority", "other-name-of-it", "pin"],
)
async def test_the_right_certificate_is_accepted(
    certificates: Certificates, choose: Choose
) -> None:
    async with serving(Peer(), server_context(certificates.server)) as peer:
        assert await library(peer.port, choose(certificates)).verify(CARD, PIN) is Verification.OK


@pytest.mark.parametrize(
    ("choose", "reason"),
    [
        (lambda known: ca(known.other_authority), "tls_failed"),
        (lambda known: ca(known.authority, server_name="other.example.org"), "tls_failed"),
        (lambda _known: TlsSettings(TlsMode.CA), "tls_failed"),
        (
            lambda known: TlsSettings(TlsMode.PIN, ca_file=known.other_server.file),
            "certificate_not_pinned",
        ),
        (
            lambda known: TlsSettings(TlsMode.PIN, ca_file=known.authority.file),
            "certificate_not_pinned",
        ),
    ],
    ids=["other-authority", "other-name", "system-authorities", "other-pin", "its-issuer-pinned"],
)
async def test_any_other_certificate_is_refused_before_a_byte_is_sent(
    certificates: Certificates, choose: Choose, reason: str
) -> None:
    async with serving(Peer(), server_context(certificates.server)) as peer:
        found = await library(peer.port, choose(certificates)).check(CARD, PIN)
        assert found == Checked(Verification.UNAVAILABLE, reason, neighbour_failed=True)
        assert peer.received == []


async def test_an_expired_certificate_is_refused_unless_it_is_pinned(
    certificates: Certificates,
) -> None:
    async with serving(Peer(), server_context(certificates.expired)) as peer:
        by_authority = library(peer.port, ca(certificates.authority))
        assert (await by_authority.check(CARD, PIN)).reason == "tls_failed"
        pinned = TlsSettings(TlsMode.PIN, ca_file=certificates.expired.file)
        assert await library(peer.port, pinned).verify(CARD, PIN) is Verification.OK


async def test_a_client_certificate_is_shown_where_it_is_asked_for(
    certificates: Certificates,
) -> None:
    asking = server_context(certificates.server, certificates.authority)
    async with serving(Peer(), asking) as peer:
        without = library(peer.port, ca(certificates.authority))
        assert await without.verify(CARD, PIN) is Verification.UNAVAILABLE
        tls = TlsSettings(
            TlsMode.CA,
            ca_file=certificates.authority.file,
            client_certificate_file=certificates.client.file,
        )
        assert await library(peer.port, tls).verify(CARD, PIN) is Verification.OK
        assert len(peer.messages(b"23")) == 1


async def test_tls_never_falls_back_to_plain_text(certificates: Certificates) -> None:
    async with serving(Peer()) as peer:
        found = await library(peer.port, ca(certificates.authority)).verify(CARD, PIN)
        assert found is Verification.UNAVAILABLE
        assert b"CNportal" not in peer.raw
        assert peer.messages(b"93") == []


async def test_plain_text_to_a_tls_server_gets_no_answer(certificates: Certificates) -> None:
    async with serving(Peer(), server_context(certificates.server)) as peer:
        found = await library(peer.port, TlsSettings(TlsMode.OFF)).verify(CARD, PIN)
        assert found is Verification.UNAVAILABLE


@asynccontextmanager
async def tapped(port: int) -> AsyncIterator[tuple[int, bytearray]]:
    """A relay in front of the port, and what an eavesdropper on it has heard."""
    heard = bytearray()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                heard.extend(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(reader, far_writer))
            group.create_task(pump(far_reader, writer))

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heard


@pytest.mark.parametrize("encrypted", [True, False])
async def test_an_eavesdropper_hears_nothing_over_tls(
    certificates: Certificates, encrypted: bool
) -> None:
    context = server_context(certificates.server) if encrypted else None
    tls = ca(certificates.authority) if encrypted else TlsSettings(TlsMode.OFF)
    async with serving(Peer(), context) as peer, tapped(peer.port) as (port, heard):
        assert await library(port, tls).verify(CARD, PIN) is Verification.OK
        await peer.until_idle()
        for secret in (b"20000000000001", b"AD1234", b"s3cret", b"Eva Berg"):
            assert (secret in heard) is not encrypted


@pytest.mark.parametrize(
    "tls",
    [
        TlsSettings(TlsMode.CA, ca_file=Path("/nonexistent/ca.pem")),
        TlsSettings(TlsMode.PIN, ca_file=Path("/nonexistent/pin.pem")),
        TlsSettings(TlsMode.CA, client_certificate_file=Path("/nonexistent/client.pem")),
        TlsSettings(TlsMode.CA, ca_file=Path("/dev/null")),
        TlsSettings(TlsMode.PIN, ca_file=Path("/dev/null")),
        TlsSettings(TlsMode.PIN, ca_file=Path(ssl.__file__)),
    ],
)
def test_unreadable_certificates_are_told_at_the_start(tls: TlsSettings) -> None:
    with pytest.raises(Sip2SettingsError, match="tls: a certificate or key cannot be read"):
        library(6001, tls)
