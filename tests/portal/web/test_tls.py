import asyncio
import datetime as dt
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from portal.web.tls import CertificateWatch, make_tls_context
from tests.portal.web.portal_under_test import FakeGuest, exchange, get, running_portal

HOST = "wifi.library.test"
AUTHORITY = (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC))


def write_certificate(
    folder: Path, number: int = 1, *, until: dt.datetime = AUTHORITY[1], elliptic: bool = False
) -> tuple[Path, Path]:
    """Write a self-signed certificate for HOST; RSA, as the oldest clients want it."""
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if elliptic
        else rsa.generate_private_key(65537, 2048)
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(AUTHORITY[0])
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, private


def client(
    chain: Path, *, ciphers: str = "", version: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(chain))
    if version:
        context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def serial_of(context: ssl.SSLContext) -> int:
    """Shake hands in memory and return the serial number of the certificate shown."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = trusting.wrap_bio(down, up)
    serving = context.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (asking, serving):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = asking.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown).serial_number


# C39: Windows 7 and Android 5 have ECDHE with AES-CBC, everybody else AES-GCM or ChaCha20.
@pytest.mark.parametrize(
    "cipher",
    [
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-RSA-AES256-SHA",
        "ECDHE-RSA-AES128-SHA256",
        "ECDHE-RSA-AES256-SHA384",
    ],
)
async def test_suites_of_tls_1_2(tmp_path: Path, cipher: str) -> None:
    files = write_certificate(tmp_path)
    tls = client(files[0], ciphers=cipher, version=ssl.TLSVersion.TLSv1_2)
    async with running_portal(FakeGuest(), tls=make_tls_context(*files)) as portal:
        answer = await exchange(portal.tls_port, get("/", HOST), tls, name=HOST)
    assert answer.status == 200


async def test_tls_1_3(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, elliptic=True)
    tls = client(files[0], version=ssl.TLSVersion.TLSv1_3)
    async with running_portal(FakeGuest(), tls=make_tls_context(*files)) as portal:
        answer = await exchange(portal.tls_port, get("/", HOST), tls, name=HOST)
    assert answer.status == 200
    assert "Bibliotekskortets nummer" in answer.body
    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"])
async def test_no_suite_without_elliptic_forward_secrecy(tmp_path: Path, cipher: str) -> None:
    files = write_certificate(tmp_path)
    tls = client(files[0], ciphers=cipher, version=ssl.TLSVersion.TLSv1_2)
    async with running_portal(FakeGuest(), tls=make_tls_context(*files)) as portal:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await exchange(portal.tls_port, get("/", HOST), tls, name=HOST)


def test_nothing_older_than_tls_1_2(tmp_path: Path) -> None:
    context = make_tls_context(*write_certificate(tmp_path))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("host", ["127.0.0.1", "other.example", "login.library.test.evil.example"])
async def test_another_name_over_tls_is_sent_to_the_portal(tmp_path: Path, host: str) -> None:
    files = write_certificate(tmp_path)
    async with running_portal(FakeGuest(), tls=make_tls_context(*files)) as portal:
        answer = await exchange(portal.tls_port, get("/x", host), client(files[0]), name=HOST)
        assert (answer.status, answer.headers["Location"]) == (
            302,
            f"https://{HOST}:{portal.tls_port}/",
        )


async def test_a_silent_handshake_is_closed_at_the_deadline(tmp_path: Path) -> None:
    context = make_tls_context(*write_certificate(tmp_path))
    async with running_portal(FakeGuest(), tls=context, head_deadline_s=0.2) as portal:
        reader, writer = await asyncio.open_connection("127.0.0.1", portal.tls_port)
        async with asyncio.timeout(60):
            assert await reader.read(-1) == b""
        writer.transport.abort()


def test_a_renewed_certificate_is_loaded_once(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, 1)
    context = make_tls_context(*files)
    watch = CertificateWatch(context, *files)
    assert not watch.look()
    assert serial_of(context) == 1
    write_certificate(tmp_path, 2)
    assert watch.look()
    assert not watch.look()
    assert serial_of(context) == 2


def test_a_pair_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, 1)
    context = make_tls_context(*files)
    watch = CertificateWatch(context, *files)
    old_key = files[1].read_bytes()
    write_certificate(tmp_path, 2)
    new_key = files[1].read_bytes()
    files[1].write_bytes(old_key)  # the renewal has written one file of two
    assert not watch.look()
    assert serial_of(context) == 1
    files[1].write_bytes(new_key)
    os.utime(files[1], ns=(1, 1))
    assert watch.look()
    assert serial_of(context) == 2


def test_a_missing_file_leaves_the_old_one(tmp_path: Path) -> None:
    files = write_certificate(tmp_path)
    context = make_tls_context(*files)
    watch = CertificateWatch(context, *files)
    files[1].unlink()
    assert not watch.look()
    assert serial_of(context) == 1


async def test_watching_goes_on(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, 1)
    context = make_tls_context(*files)
    watch = CertificateWatch(context, *files)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watch.run(interval_s=0.01))
        write_certificate(tmp_path, 2)
        async with asyncio.timeout(60):
            while serial_of(context) != 2:
                await asyncio.sleep(0.01)
        running.cancel()


# F22: with an expired certificate the plain explanation stays open to everybody.
async def test_an_expired_certificate_leaves_the_plain_help(tmp_path: Path) -> None:
    files = write_certificate(tmp_path, until=dt.datetime(2021, 1, 1, tzinfo=dt.UTC))
    async with running_portal(FakeGuest(), tls=make_tls_context(*files)) as portal:
        with pytest.raises(ssl.SSLCertVerificationError):
            await exchange(portal.tls_port, get("/", HOST), client(files[0]), name=HOST)
        answer = await exchange(portal.plain_port, get("/help", HOST))
    assert answer.status == 200
    assert "varnar för certifikatet" in answer.body
