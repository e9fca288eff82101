"""``kvar radius`` as a process of its own: it serves, reloads its clients, and stops."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from radius_bridge.secret import Secret
from radius_bridge.wire import Code, Packet, decode
from tests.portal.access_points.running import dashed, mac, request
from tests.ports import free_port
from tests.radius_bridge.bridge import Asker, signed

SECRET = "wZ3jhq0Tn5eUJ7KfUQb2m1Rk"
OTHER = "pV8xkR2nLq6sYd4tGc9bWm3z"

CONFIG = """
[organisation]
name = "Umeå bibliotek"
data_directory = "{directory}"

[database]
dsn = "{dsn}"

[portal]
host_name = "wifi.example.se"
certificate_file = "/etc/kvar/chain.pem"
private_key_file = "/etc/kvar/key.pem"

[[sites]]
id = "village"
name = "Bybiblioteket"
login_methods = ["none"]

[radius]
addresses = ["127.0.0.1"]
authentication_port = {authentication}
accounting_port = {accounting}
health_port = {health}
workers = {workers}
reject_delay_s = 0

[[radius.clients]]
name = "ap"
networks = ["127.0.0.1/32"]
secret = "{secret}"
site = "village"
"""


class Kvar:
    """One configuration, and the process that runs by it."""

    def __init__(self, dsn: str, directory: Path, workers: int = 1) -> None:
        self.file = directory / "kvar.toml"
        authentication, accounting, health = free_port(), free_port(), free_port()
        self.port, self.accounting, self.health = authentication, accounting, health
        self._text = CONFIG.format(
            dsn=dsn, directory=directory, authentication=authentication,
            accounting=accounting, health=health, workers=workers, secret="{secret}",
        )  # fmt: skip
        self.write(SECRET)
        self.process: Process
        self._stopping = False

    def write(self, secret: str) -> None:
        self.file.write_text(self._text.replace("{secret}", secret))

    async def ask(self, secret: str = SECRET) -> Packet | None:
        """Ask about a device; None: no answer, or not yet."""
        shared = Secret(secret.encode())
        packet = request(User_Name=mac(1).replace(":", ""), Calling_Station_Id=dashed(mac(1)))
        with Asker() as asker, suppress(TimeoutError, ConnectionRefusedError):
            async with asyncio.timeout(0.5):
                return decode(await asker.ask(signed(packet, shared), self.port))
        return None

    async def answers(self, secret: str = SECRET) -> Packet:
        while True:
            assert self.process.returncode is None
            if (reply := await self.ask(secret)) is not None:
                return reply

    def stop(self) -> None:
        """Ask it to end, once: asyncio loses the exit code of a process told again as it ends."""
        if not self._stopping:
            self._stopping = True
            with suppress(ProcessLookupError):
                self.process.terminate()

    async def logged(self, event: str) -> dict[str, object]:
        """Read the log up to this event."""
        assert self.process.stderr is not None
        while True:
            line = await self.process.stderr.readline()
            assert line, "the process has ended"
            entry: dict[str, object] = json.loads(line)
            if entry["event"] == event:
                return entry


@asynccontextmanager
async def kvar(dsn: str, directory: Path, workers: int = 1) -> AsyncIterator[Kvar]:
    started = Kvar(dsn, directory, workers)
    started.process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portal", "--config", str(started.file), "radius", stderr=PIPE
    )
    try:
        await started.logged("radius_served")
        yield started
    finally:
        started.stop()
        assert started.process.stderr is not None
        await started.process.stderr.read()
        assert await started.process.wait() == 0


def readiness(port: int) -> dict[str, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            states: dict[str, str] = json.load(answer)
            return states
    except URLError:
        return {}


async def test_it_answers_and_says_that_it_is_ready(postgres_dsn: str, tmp_path: Path) -> None:
    async with kvar(postgres_dsn, tmp_path) as running:
        assert (await running.answers()).code == Code.ACCESS_ACCEPT
        states: dict[str, str] = {}
        while states != {"database": "ok", "sessions": "ok"}:
            states = await asyncio.to_thread(readiness, running.health)
        told = await asyncio.to_thread(urlopen, f"http://127.0.0.1:{running.health}/metrics")
        assert b'kvar_radius_packets_total{client="ap",what="accepted"} 1.0' in told.read()


async def test_it_reloads_its_clients_and_keeps_those_it_has_on_a_mistake(
    postgres_dsn: str, tmp_path: Path
) -> None:
    async with kvar(postgres_dsn, tmp_path) as running:
        assert (await running.answers()).code == Code.ACCESS_ACCEPT
        running.write("short")
        running.process.send_signal(signal.SIGHUP)
        entry = await running.logged("radius_clients_not_reloaded")
        assert "shorter" in str(entry["reason"])
        assert (await running.answers()).code == Code.ACCESS_ACCEPT
        running.write(OTHER)
        running.process.send_signal(signal.SIGHUP)
        await running.logged("radius_clients_reloaded")
        assert (await running.answers(OTHER)).code == Code.ACCESS_ACCEPT
        assert await running.ask(SECRET) is None


async def test_several_workers_share_the_ports(postgres_dsn: str, tmp_path: Path) -> None:
    async with kvar(postgres_dsn, tmp_path, workers=2) as running:
        served = await running.logged("radius_served")
        assert served["worker"] == 1
        for _ in range(12):  # from as many source ports
            assert (await running.answers()).code == Code.ACCESS_ACCEPT


async def test_no_line_of_the_log_names_a_device(postgres_dsn: str, tmp_path: Path) -> None:
    async with kvar(postgres_dsn, tmp_path) as running:
        await running.answers()
        running.stop()
        assert running.process.stderr is not None
        log = (await running.process.stderr.read()).decode().lower()
        for spelling in (mac(1), dashed(mac(1)).lower(), mac(1).replace(":", "")):
            assert spelling not in log
        assert "device_returned" in log or "session_started" in log


async def test_without_clients_it_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "kvar.toml"
    head, _, _ = CONFIG.format(
        dsn="", directory=tmp_path, authentication=1, accounting=2, health=3, workers=1, secret=""
    ).partition("[radius]")
    file.write_text(head.replace('name = "Bybiblioteket"', 'name = "B"\nguest_interfaces = ["g"]'))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portal", "--config", str(file), "radius", stderr=PIPE
    )
    _, told = await process.communicate()
    assert process.returncode == 1
    assert "no [radius]" in told.decode()
