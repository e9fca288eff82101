"""The demonstration's world: the lab, a library system speaking SIP2, and Kvar in the gateway.

Used by ``make demo``, ``make demo-check``, the end-to-end tests and the benchmarks. The rule to
keep: Kvar runs exactly as ``kvar run`` does on a real gateway, as its own users.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import Self

from firewall.lab import addressing, processes
from firewall.lab.authority import ServerCertificate
from firewall.lab.dnsmasq import GardenName
from firewall.lab.network import Lab, LabSettings
from firewall.lab.phone import Phone
from firewall.marks import MAY_LEAVE
from firewall.sets import garden_set
from firewall.settings import GardenGroup
from portal.config import Config
from portal.config_file import parse
from portal.demo.branch import AccessPointProcess, radius_text
from portal.demo.configuration import STAFF, Gateway, gateway_text
from portal.supervisor import Child, command_line
from portal.web.guest.settings import origin

GATE_USER = "daemon"
PORTAL_USER = "www-data"
"""Accounts that every Debian and Ubuntu has (base-passwd): none has to be made for a demo."""

LIBRARY_PORT = 8601
"""Among the ports that the lab leaves to programs of our own on that host."""
START_TIMEOUT_S = 240.0
"""A bound for a start that hangs, on a machine that has much else to do."""
KILL_TIMEOUT_S = 10.0

ASK_UNTIL_READY = """
import socket, sys, time
for port in sys.argv[1:]:
    answer = b""
    while b" 200 " not in answer:
        time.sleep(0.03)
        try:
            with socket.create_connection(("127.0.0.1", int(port)), 2) as connection:
                connection.sendall(b"GET /readyz HTTP/1.0\\r\\n\\r\\n")
                answer = connection.recv(64)
        except OSError:
            pass
"""
"""One process that asks on and on: to start one a question costs more than Kvar's own start."""

LIBRARY_COMMAND = (sys.executable, "-m", "portal.library.demo_library")


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What to build. ``extra`` is TOML added to the configuration's end (more sites, say)."""

    phones: int = 2
    sites: int = 1
    lease_s: int = 12 * 3600
    staff: bool = False
    """Whether the staff site runs too."""
    branch: bool = False
    """Whether there is a library without a gateway of ours (`branch.py`), with one more phone."""
    extra: str = ""
    change: Callable[[str], str] = field(default=lambda text: text)
    """Changes the configuration's text before it is written."""


class World:
    """The whole world; needs root. Use as a context manager."""

    def __init__(self, world_settings: WorldSettings | None = None) -> None:
        self.settings = world_settings or WorldSettings()
        self._open = ExitStack()
        self._kvar: subprocess.Popen[bytes] | None = None
        self._library: subprocess.Popen[bytes] | None = None

    lab: Lab
    has_own_users: bool
    """False where other users cannot read this code (a checkout below /root): all run as root."""
    config: Config
    config_file: Path
    log_file: Path
    access_point: AccessPointProcess
    """At the branch, and the phone there."""
    branch_phone: Phone

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def phones(self) -> list[Phone]:
        """The phones, in the order they were made; none has joined the network yet."""
        return self.lab.phones

    @property
    def portal_origin(self) -> str:
        """The portal's address, as its certificate has it."""
        return origin("https", self.config.portal.host_name, self.config.portal.https_port)

    def _build(self) -> None:
        self.has_own_users = _can_run_as(PORTAL_USER)  # and so can any other
        garden = (
            _garden_name(GardenGroup("tcp80", ("crl.lab.example",), 80)),
            _garden_name(GardenGroup("udp123", ("ntp.lab.example",), 123, "udp")),
        )
        lab = LabSettings(
            phones=self.settings.phones,
            sites=self.settings.sites,
            lease_s=self.settings.lease_s,
            garden=garden,
            fail_closed_bit=MAY_LEAVE,  # any other bit is part of a device's number
        )
        self.lab = self._open.enter_context(Lab(lab))
        # The portal binds ports 80 and 443 and the lab's files are read by its users.
        self.directory = self.lab.run_directory / "kvar"
        self.directory.mkdir(mode=0o755)
        self.lab.run_directory.chmod(0o755)
        self._write_config(self._build_branch() if self.settings.branch else "")
        self._open.callback(self.stop_library)
        self.start_library()
        self._open.callback(self.stop)
        self.start()
        if self.settings.branch:
            self._open.callback(self.access_point.stop)
            self.access_point.start()

    def _build_branch(self) -> str:
        """Return what the configuration has to say of it. The access point is not on yet."""
        built, secret = self.lab.add_branch(), secrets.token_urlsafe(24)
        portal = str(self.lab.sites[0].gateway_v4)
        # beside Kvar's directory: who kills everything that works below that spares it
        self.access_point = AccessPointProcess(built, portal, secret, self.lab.run_directory)
        self.branch_phone = self.lab.add_phone(site=built.site)
        self.branch_phone.link_down()  # else its first frame comes before anybody looks
        return radius_text(secret)

    def _write_config(self, radius: str) -> None:
        lab = self.lab
        gateway = Gateway(
            portal_host=lab.settings.portal_host,
            portal_addresses=_portal_addresses(lab),
            certificate=ServerCertificate(
                self._for_portal(lab.portal_certificate.chain),
                self._for_portal(lab.portal_certificate.key),
            ),
            uplink=addressing.WAN.interface,
            lease_file=lab.dhcp_dns.service.lease_file if lab.dhcp_dns else "",
            user=PORTAL_USER if self.has_own_users else "",
            gate_user=GATE_USER if self.has_own_users else "",
            library=(addressing.MANAGEMENT.far_v4, LIBRARY_PORT),
        )
        text = gateway_text(self.directory, gateway)
        text += radius + (STAFF if self.settings.staff else "")
        text = self.settings.change(text + self.settings.extra)
        self.config_file = self.directory / "kvar.toml"
        self.config_file.write_text(text, encoding="utf-8")
        self.config = parse(text, self.config_file)
        self.log_file = self.directory / "kvar.log"

    def _for_portal(self, file: Path) -> Path:
        """Copy a file to where only the portal's user can read it."""
        copy = self.directory / file.name
        copy.touch(mode=0o400)
        if self.has_own_users:
            shutil.chown(copy, PORTAL_USER)
        copy.write_bytes(file.read_bytes())
        return copy

    # --- the library system ---------------------------------------------------------------------

    def start_library(self) -> None:
        """Start the library system on the management network and wait until it answers."""
        if self.lab.management is None:
            raise processes.LabError("the library system needs the management network")
        address = ["--host", addressing.MANAGEMENT.far_v4, "--port", str(LIBRARY_PORT)]
        log = self._open.enter_context((self.directory / "library.log").open("ab"))
        namespace = self.lab.management.namespace
        self._library = namespace.spawn([*LIBRARY_COMMAND, *address], stdout=log, stderr=log)
        self._wait_for_library()

    def _wait_for_library(self) -> None:
        target = f"/dev/tcp/{addressing.MANAGEMENT.far_v4}/{LIBRARY_PORT}"
        deadline = monotonic() + START_TIMEOUT_S
        while self.lab.gateway.run(["bash", "-c", f": < {target}"], check=False).returncode:
            if monotonic() > deadline:
                raise processes.LabError("the demonstration library did not start")
            sleep(0.05)

    def stop_library(self) -> None:
        """Stop the library system, as an outage would."""
        if self._library is not None:
            processes.stop(self._library)
            self._library = None

    # --- Kvar -----------------------------------------------------------------------------------

    def kvar_command(self, *arguments: str) -> list[str]:
        """Return the argv of a ``kvar`` command with this world's configuration."""
        return [sys.executable, "-m", "portal", "--config", str(self.config_file), *arguments]

    def start(self) -> None:
        """Start ``kvar run`` in the gateway and wait until the portal answers a login page."""
        self.begin()
        self.wait_until_ready()

    def begin(self) -> None:
        """Start ``kvar run`` in the gateway and wait for nothing."""
        log = self._open.enter_context(self.log_file.open("ab"))
        self._kvar = self.lab.gateway.spawn(self.kvar_command("run"), stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        """Wait until every part answers. Raises LabError with the end of the log."""
        deadline = monotonic() + START_TIMEOUT_S
        parts = (self.config.portal, self.config.staff, self.config.radius)
        ports = [str(part.health_port) for part in parts if part]
        asker = self.lab.gateway.spawn([sys.executable, "-S", "-c", ASK_UNTIL_READY, *ports])
        try:
            while asker.poll() is None:
                if monotonic() > deadline or (self._kvar and self._kvar.poll() is not None):
                    tail = self.log_file.read_text(errors="replace")[-3000:]
                    raise processes.LabError(f"Kvar did not start:\n{tail}")
                sleep(0.02)
            if asker.returncode:
                raise processes.LabError("cannot ask Kvar whether it is ready")
        finally:
            processes.stop(asker)

    def kvar(self, *arguments: str) -> str:
        """Run a ``kvar`` command in the gateway, and return what it says."""
        return self.lab.gateway.run(self.kvar_command(*arguments)).stdout

    def stop(self) -> None:
        """Stop Kvar politely."""
        if self._kvar is not None:
            processes.stop(self._kvar, grace_s=10.0)
            self._kvar = None

    def pids(self) -> dict[int, str]:
        """Return every process of Kvar (its PostgreSQL included) with its command line."""
        return dict(_processes_of(str(self.config_file), str(self.directory)))

    def kill(self) -> int:
        """Kill -9 every process of Kvar, the supervisor and PostgreSQL's own children included.

        Returns how many there were. Again and again until none is left: a process that was just
        being forked is in nobody's list.
        """
        count, deadline = 0, monotonic() + KILL_TIMEOUT_S
        while victims := _everything_below(str(self.config_file), str(self.directory)):
            if monotonic() > deadline:
                raise processes.LabError(f"these cannot be killed: {sorted(victims)}")
            count += len(victims)
            for pid in victims:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            sleep(0.01)
        if self._kvar is not None:
            self._kvar.wait(10)
            self._kvar = None
        return count

    @contextmanager
    def killed(self) -> Iterator[None]:
        """Everything of Kvar is dead inside, and running again afterwards."""
        self.kill()
        try:
            yield
        finally:
            self.start()


def _portal_addresses(lab: Lab) -> list[str]:
    """Return what the lab's names give for the portal: the first site's gateway, at every site."""
    first = lab.sites[0]
    return [str(address) for address in (first.gateway_v4, first.gateway_v6) if address]


def _can_run_as(user: str) -> bool:
    """Say whether a user without privileges can read the interpreter and the code."""
    child = Child("trial", (sys.executable, "-c", "import portal.composition.portal"), user)
    return subprocess.run(command_line(child), capture_output=True, check=False).returncode == 0


def _garden_name(group: GardenGroup) -> GardenName:
    return GardenName(group.hosts[0], garden_set(group, "4"), garden_set(group, "6"))


def _processes_of(*marks: str) -> Iterator[tuple[int, str]]:
    for entry in _numbered():
        with suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if any(mark in line for mark in marks):
                yield int(entry.name), line


def _everything_below(*marks: str) -> set[int]:
    """Pids of all that names one of the marks, works below one, or descends from such a process.

    PostgreSQL's backends name neither file nor directory in their titles, but work in its data
    directory. Zombies have neither a command line nor a working directory.
    """
    found = {pid for pid, _ in _processes_of(*marks)} | set(_working_in(*marks))
    parents = dict(_parents())
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid for pid in found if _is_alive(pid)}


def _working_in(*marks: str) -> Iterator[int]:
    for entry in _numbered():
        with suppress(OSError):
            if (entry / "cwd").readlink().as_posix().startswith(marks):
                yield int(entry.name)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in _numbered():
        with suppress(OSError):
            yield int(entry.name), int(_status(entry)[1])


def _is_alive(pid: int) -> bool:
    with suppress(OSError):
        return _status(Path("/proc") / str(pid))[0] != "Z"
    return False


def _status(entry: Path) -> list[str]:
    """Fields of proc(5)'s stat from the third on: state, parent and so on."""
    return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()


def _numbered() -> Iterator[Path]:
    return (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
