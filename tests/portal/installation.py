"""Kvar as `kvar run` starts it, with a simulated gate and the demonstration library system."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from firewall.lab.authority import Authority
from portal.clock import utc_now
from portal.library.demo_library import INSTITUTION, LOGIN_PASSWORD, LOGIN_USER
from tests.portal.storage.clusters import eventually
from tests.portal.web.portal_under_test import Answer, get, parse_answer, post
from tests.ports import free_ports

PROCESSES = ("portal", "staff", "keeper")

CONFIGURATION = """
[organisation]
name = "Exempelby"
data_directory = "{directory}/data"

[portal]
host_name = "wifi.exempelby.example"
certificate_file = "{chain}"
private_key_file = "{key}"
http_port = {http}
https_port = {https}
health_port = {portal}

[staff]
host_name = "localhost"
port = {site}
health_port = {staff}

[keeper]
health_port = {keeper}

[database]
dsn = "{dsn}"

[gate]
enabled = false
socket = "{directory}/gate.sock"

[library_system]
host = "127.0.0.1"
port = {library}
tls = "off"
plain_text_is_safe_here = true
login_user = "{user}"
login_password = "{password}"
institution_id = "{institution}"
card_length = 14

[[sites]]
id = "city"
name = "Exempelby stadsbibliotek"
guest_interfaces = ["guest0"]
login_methods = ["card", "code"]

[[sites]]
id = "branch"
name = "Filialen"
guest_interfaces = ["guest1"]
login_methods = ["accept"]
{more}"""


@dataclass
class Installation:
    """Where everything listens. Guests come from 127.0.0.x: each is a device of its own."""

    directory: Path
    ports: Mapping[str, int]
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def kvar(self) -> list[str]:
        return [sys.executable, "-m", "portal", "--config", str(self.directory / "kvar.toml")]

    async def command(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *self.kvar, *words, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
        assert process.returncode == 0
        return told.decode()

    async def ask(self, port: str, request: bytes, guest: int = 1) -> Answer:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.ports[port], local_addr=(f"127.0.0.{guest}", 0)
        )
        try:
            writer.write(request)
            async with asyncio.timeout(60):
                return parse_answer(await reader.read(-1))
        finally:
            writer.transport.abort()

    async def log_in(self, card: str, pin: str, guest: int = 1) -> Answer:
        page = await self.ask("http", get("/card"), guest)
        fields = {"token": page.token("/card"), "card": card, "pin": pin}
        return await self.ask("http", post("/card", fields), guest)

    async def metrics(self, process: str) -> str:
        answer = await self.ask(process, get("/metrics"))
        assert answer.status == 200
        return answer.body

    async def is_ready(self, process: str) -> bool:
        try:
            return (await self.ask(process, get("/readyz"))).status == 200
        except OSError:
            return False

    async def start(self, name: str, *argv: str) -> None:
        with (self.directory / "log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *argv, stdout=log, stderr=log
            )

    async def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        await process.wait()

    async def start_library(self) -> None:
        words = ("-m", "portal.library.demo_library", "--port", str(self.ports["library"]))
        await self.start("library", sys.executable, *words)
        await eventually(self._library_listens)

    async def _library_listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.ports["library"])
        except OSError:
            return False
        writer.close()
        return True


@asynccontextmanager
async def installed(
    dsn: str, directory: Path, more: str = "", text: str = CONFIGURATION
) -> AsyncIterator[Installation]:
    """Run everything while the context lasts."""
    await asyncio.to_thread(partial(directory.mkdir, exist_ok=True))
    ports = free_ports(("http", "https", "site", "library", *PROCESSES))
    certificate = Authority.create(directory, utc_now()).issue(
        ["wifi.exempelby.example"], utc_now()
    )
    text = text.format(
        directory=directory,
        dsn=dsn,
        chain=certificate.chain,
        key=certificate.key,
        **ports,
        user=LOGIN_USER,
        password=LOGIN_PASSWORD,
        institution=INSTITUTION,
        more=more,
    )
    (directory / "kvar.toml").write_text(text)
    made = Installation(directory, ports)
    try:
        await made.start_library()
        await made.start("kvar", *made.kvar, "run")
        for name in PROCESSES:
            await eventually(partial(made.is_ready, name), 180)
        yield made
    finally:
        for name in reversed(list(made.processes)):
            await made.stop(name)


def samples(exposed: str) -> dict[str, float]:
    """Return each sample by its name and labels as they were written."""
    lines = [line for line in exposed.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def names(exposed: str) -> set[str]:
    """Return what a query may ask for: the names of all families, and what belongs to each."""
    found: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", exposed, re.MULTILINE):
        parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {name + part for part in parts}
    return found
