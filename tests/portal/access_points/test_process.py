"""`kvar radius` as a process: its certificates and its clients are changed while it serves."""

import asyncio
import shutil
import signal
import ssl
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from radius_bridge.wire import Code
from tests.portal.access_points.running import CONFIG, mac
from tests.ports import free_ports
from tests.radius_bridge.bridge import by_mac, signed, status
from tests.radius_bridge.certificates import ENTRANCE, HALL, SERVER, Certificates
from tests.radius_bridge.tls_peer import RADSEC, TlsPeer, client_context, connected


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Certificates(folder)


@dataclass
class Served:
    """A process, what it has said, and where it listens."""

    process: Process
    file: Path
    certificates: Certificates
    port: int
    said: str = ""

    async def says(self, words: str, times: int = 1) -> None:
        assert self.process.stdout
        while self.said.count(words) < times:
            line = await self.process.stdout.readline()
            assert line, self.said
            self.said += line.decode()

    async def reload(self, words: str, times: int = 1) -> None:
        self.said = ""
        self.process.send_signal(signal.SIGHUP)
        await self.says(words, times)

    @asynccontextmanager
    async def peer(self, name: str) -> AsyncIterator[TlsPeer]:
        context = client_context(self.certificates.authority, self.certificates.of(name))
        async with connected(("127.0.0.1", self.port), context) as peer:
            yield peer


def configured(text: str, certificates: Certificates, ports: dict[str, int]) -> str:
    files = certificates.server
    names = f'certificate_names = ["{ENTRANCE}", "{HALL}"]\nallowed_devices = ["{mac(1)}"]'
    radius = f"""addresses = ["127.0.0.1"]
authentication_port = {ports["authentication"]}
accounting_port = {ports["accounting"]}
tls_port = {ports["tls"]}
health_port = {ports["health"]}
certificate_file = "{files.certificate}"
private_key_file = "{files.key}"
client_ca_file = "{files.client_authority}"
"""
    return text.replace("[radius]\n", f"[radius]\n{radius}").replace("{more}", names)


@asynccontextmanager
async def served(
    dsn: str, directory: Path, certificates: Certificates, workers: int = 1
) -> AsyncIterator[Served]:
    ports = free_ports(("authentication", "accounting", "tls", "health"))
    file = directory / "kvar.toml"
    text = configured(CONFIG, certificates, ports).replace("{coa_port}", "3799")
    text = text.replace("[radius]\n", f"[radius]\nworkers = {workers}\n")
    text = text.replace("{directory}", str(directory)) + f'\n[database]\ndsn = "{dsn}"\n'
    file.write_text(text, encoding="utf-8")
    command = (sys.executable, "-m", "portal", "--config", str(file), "radius")
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    try:
        made = Served(process, file, certificates, ports["tls"])
        await made.says("radius_served", times=workers)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0


async def is_answered(peer: TlsPeer) -> bool:
    return (await peer.ask(signed(status(0), RADSEC))).code == Code.ACCESS_ACCEPT


async def test_certificates_and_clients_change_while_it_serves(
    postgres_dsn: str, tmp_path: Path, certificates: Certificates
) -> None:
    certificates.sign("renewed", purpose="serverAuth")
    async with (
        served(postgres_dsn, tmp_path, certificates) as kvar,
        kvar.peer(ENTRANCE) as entrance,
        kvar.peer(HALL) as hall,
    ):
        accepted = await entrance.ask(signed(by_mac(1, mac(1)), RADSEC))
        assert accepted.code == Code.ACCESS_ACCEPT

        key = certificates.of(SERVER)[1]
        whole = key.read_text("ascii")
        key.write_text("no key", encoding="ascii")
        await kvar.reload("radius_clients_not_reloaded")
        async with kvar.peer(HALL) as another:
            assert await is_answered(another)

        key.write_text(whole, encoding="ascii")
        for made, used in zip(certificates.of("renewed"), certificates.of(SERVER), strict=True):
            shutil.copy(made, used)
        text = kvar.file.read_text("utf-8")
        kvar.file.write_text(text.replace(f', "{HALL}"', ""), encoding="utf-8")
        await kvar.reload("radius_clients_reloaded")
        assert await hall.is_closed(), "its name was taken off the list"
        assert await is_answered(entrance), "it stays connected through the renewal"
        with pytest.raises(ssl.SSLCertVerificationError, match=r"renewed|mismatch"):
            await kvar.peer(ENTRANCE).__aenter__()


async def test_every_worker_reads_the_clients_anew(
    postgres_dsn: str, tmp_path: Path, certificates: Certificates
) -> None:
    async with served(postgres_dsn, tmp_path, certificates, workers=2) as kvar:
        await kvar.reload("radius_clients_reloaded", times=2)
        assert "process_died" not in kvar.said
