"""A renewal as certbot and lego tell of it: copied by the hook, taken by a site that runs."""

import asyncio
import os
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from firewall.lab.authority import Authority, ServerCertificate
from portal.web.tls import CertificateWatch, make_tls_context

HOOK = "deploy/debian/acme-deploy-hook"
NAME = "wifi.example.se"


def issue(folder: Path) -> ServerCertificate:
    folder.mkdir()
    now = datetime.now(UTC)
    return Authority.create(folder, now).issue([NAME], now)


def hook(
    directory: Path, *words: str | Path, **told: str | Path
) -> subprocess.CompletedProcess[str]:
    facts = {name: str(value) for name, value in told.items()}
    environment = os.environ | {"KVAR_TLS_DIRECTORY": str(directory)} | facts
    return subprocess.run(
        [HOOK, *words], env=environment, capture_output=True, text=True, check=False
    )


def lineage(folder: Path, issued: ServerCertificate) -> Path:
    """A folder as certbot keeps one."""
    (folder / "fullchain.pem").write_bytes(issued.chain.read_bytes())
    (folder / "privkey.pem").write_bytes(issued.key.read_bytes())
    return folder


async def served(port: int) -> int:
    """Return the serial number of what a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return x509.load_der_x509_certificate(shown).serial_number


def serial(issued: ServerCertificate) -> int:
    return x509.load_pem_x509_certificates(issued.chain.read_bytes())[0].serial_number


async def test_a_renewal_is_taken_by_a_site_that_runs(tmp_path: Path) -> None:
    place = tmp_path / "tls"
    place.mkdir()
    old, new = issue(tmp_path / "old"), issue(tmp_path / "new")
    assert hook(place, RENEWED_LINEAGE=lineage(tmp_path / "old", old)).returncode == 0
    files = (place / "fullchain.pem", place / "privkey.pem")
    context = make_tls_context(*files)
    watch = CertificateWatch(context, *files)
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context
    )
    async with server, asyncio.TaskGroup() as group:
        port = server.sockets[0].getsockname()[1]
        looking = group.create_task(watch.run(0.05))
        assert await served(port) == serial(old)
        assert hook(place, RENEWED_LINEAGE=lineage(tmp_path / "new", new)).returncode == 0
        async with asyncio.timeout(60):
            while await served(port) != serial(new):
                await asyncio.sleep(0.05)
        looking.cancel()
    assert files[1].stat().st_mode & 0o777 == 0o640
    assert [path.name for path in sorted(place.iterdir())] == ["fullchain.pem", "privkey.pem"]


def test_lego_names_its_files_otherwise(tmp_path: Path) -> None:
    issued = issue(tmp_path / "lego")
    done = hook(tmp_path, "staff", LEGO_CERT_PATH=issued.chain, LEGO_CERT_KEY_PATH=issued.key)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "staff-fullchain.pem").read_bytes() == issued.chain.read_bytes()
    assert not (tmp_path / "fullchain.pem").exists()


def test_a_key_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "tls"
    place.mkdir()
    one, other = issue(tmp_path / "one"), issue(tmp_path / "other")
    done = hook(place, one.chain, other.key)
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("words", [(), ("staff",), ("only-one",)])
def test_without_files_it_says_what_to_name(words: tuple[str, ...], tmp_path: Path) -> None:
    assert hook(tmp_path, *words).returncode == 2
