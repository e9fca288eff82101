"""hostapd 2.10 on a wired port, and a device behind it with wpa_supplicant, each in a namespace.

hostapd asks for accounting at 127.0.0.1 of its own namespace and takes Disconnect-Requests there,
so whoever is the server opens its sockets inside (`Hall.inside`).
"""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

from tests.firewall.network import inside, run

SECRET = b"a secret of sixteen or more"
DYNAMIC_PORT = 3799
NAS_IDENTIFIER = b"branch-hall"
T = TypeVar("T")
_numbers = count(1)

_HOSTAPD = """
interface=port0
driver=wired
ieee8021x=1
use_pae_group_addr=1
eap_reauth_period=0
eap_server=1
eap_user_file={folder}/users
own_ip_addr=127.0.0.1
nas_identifier=branch-hall
acct_server_addr=127.0.0.1
acct_server_port=1813
acct_server_shared_secret={secret}
radius_acct_interim_interval=1
radius_das_port=3799
radius_das_client=127.0.0.1 {secret}
radius_das_require_event_timestamp=1
radius_das_time_window=300
radius_das_require_message_authenticator=1
"""
_SUPPLICANT = """
ap_scan=0
network={
  key_mgmt=IEEE8021X
  eap=MD5
  identity="alice"
  password="secretpw"
  eapol_flags=0
}
"""


@dataclass
class Program:
    """A process whose lines are read."""

    process: Process
    lines: list[str] = field(default_factory=list)

    async def says(self, words: str) -> None:
        """Wait for a line with these words."""
        assert self.process.stdout
        while not any(words in line for line in self.lines):
            line = await self.process.stdout.readline()
            assert line, f"it ended before {words!r}: {self.lines}"
            self.lines.append(line.decode(errors="replace"))

    async def stop(self) -> None:
        """End it as an owner does, and read what it still says."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.communicate()


@dataclass
class Hall:
    """A hall with one network socket in the wall, and a device that can be plugged in."""

    folder: Path
    access_point: str
    device: str
    device_mac: str
    stack: AsyncExitStack

    def inside(self, do: Callable[[], T]) -> T:
        """Call something in the access point's namespace; sockets that it opens stay there."""
        return inside(self.access_point, do)

    async def start_hostapd(self) -> Program:
        secret = SECRET.decode()
        file = self.folder / "hostapd.conf"
        file.write_text(_HOSTAPD.format(folder=self.folder, secret=secret), encoding="ascii")
        (self.folder / "users").write_text('"alice" MD5 "secretpw"\n', encoding="ascii")
        started = await self._start(self.access_point, "hostapd", str(file))
        await started.says("AP-ENABLED")
        return started

    async def plug_in(self) -> Program:
        """Connect the device, and wait until it is let in."""
        file = self.folder / "supplicant.conf"
        file.write_text(_SUPPLICANT, encoding="ascii")
        command = ("wpa_supplicant", "-Dwired", "-i", "cli0", "-c", str(file))
        started = await self._start(self.device, *command)
        await started.says("CTRL-EVENT-CONNECTED")
        return started

    async def _start(self, namespace: str, *command: str) -> Program:
        process = await asyncio.create_subprocess_exec(
            *("ip", "netns", "exec", namespace), *command, stdout=PIPE, stderr=STDOUT
        )
        program = Program(process)
        self.stack.push_async_callback(program.stop)
        return program


@asynccontextmanager
async def hall(folder: Path) -> AsyncIterator[Hall]:
    number = next(_numbers)
    access_point, device = (f"kvar-{os.getpid()}-{number}-{name}" for name in ("ap", "cli"))
    mac = f"02:00:00:00:21:{number:02x}"
    async with AsyncExitStack() as stack:
        for namespace in (access_point, device):
            run("ip", "netns", "add", namespace)
            stack.callback(run, "ip", "netns", "del", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        peer = ("peer", "name", "cli0", "address", mac, "netns", device)
        run("ip", "-n", access_point, "link", "add", "port0", "type", "veth", *peer)
        run("ip", "-n", access_point, "link", "set", "port0", "up")
        run("ip", "-n", device, "link", "set", "cli0", "up")
        yield Hall(folder, access_point, device, mac, stack)
