"""The container image, built, and the composition, running: a household without a gate.

The network is a namespace of its own, so that ports 80 and 443 are free. The images that a registry
would give are made in tests/deploy/container_store.py.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest

from firewall.lab.authority import Authority
from firewall.lab.processes import Namespace
from portal.clock import utc_now
from tests.deploy.container_store import DEBIAN, Store, entering, put_database, store
from tests.portal.documentation.documented_commands import ROOT

pytestmark = [pytest.mark.root, pytest.mark.proof, pytest.mark.timeout(1800)]

CONTAINERFILE = ROOT / "deploy/container/Containerfile"
COMPOSE = ROOT / "deploy/container/compose.yaml"
PODMAN_COMPOSE = Path(sys.executable).with_name("podman-compose")

ADDRESS = "192.0.2.1"
PORTAL, STAFF = "wifi.exempelby.example", "kvar.exempelby.example"
USER = 64000
SECRET = "a secret of sixteen or more"
PRINTER, STRANGER = "02-00-00-00-00-07", "02-00-00-00-00-08"
SERVICES = ("keeper", "portal", "staff", "radius")
START_S, STOP_S = 300.0, 20
SMALLEST_MB, BIGGEST_MB = 250, 320

CONFIGURATION = f"""
[organisation]
name = "Exempelby bibliotek"

[portal]
host_name = "{PORTAL}"
certificate_file = "/etc/kvar/{PORTAL}.pem"
private_key_file = "/etc/kvar/{PORTAL}.key"

[staff]
host_name = "{STAFF}"
address = "0.0.0.0"
certificate_file = "/etc/kvar/{STAFF}.pem"
private_key_file = "/etc/kvar/{STAFF}.key"

[database]
dsn = "postgresql://kvar@/kvar?host=/run/postgresql"

[[sites]]
id = "village"
name = "Bybiblioteket"
login_methods = ["accept"]

[radius]
[[radius.clients]]
name = "entrance"
networks = ["{ADDRESS}/32"]
secret = "{SECRET}"
site = "village"
family = "cisco"
portal_role = "ACL_WEBAUTH_REDIRECT"
allowed_devices = ["{PRINTER}"]
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Store]:
    """A store with the image, built by the command that stands in its description."""
    command = re.search(r"^#   podman build (.+) \.$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert command is not None
    words = command[1].split()
    assert words[-2:] == ["--tag", "kvar"]
    with store() as opened:
        opened.build("kvar", *words[:-2], ".")
        yield opened


@pytest.fixture
def network() -> Iterator[Namespace]:
    namespace = Namespace(f"kvar-image-{os.getpid()}")
    subprocess.run(["ip", "netns", "add", namespace.name], check=True)
    try:
        namespace.ip([
            "link set lo up", "link add house type veth peer name street", "link set house up",
            "link set street up", f"address add {ADDRESS}/24 dev house",
            "route add default via 192.0.2.254",
        ])  # fmt: skip
        yield namespace
    finally:
        subprocess.run(["ip", "netns", "delete", namespace.name], check=True)


@dataclass(frozen=True)
class Household:
    """The composition, running."""

    made: Store
    network: Namespace
    authority: Path

    def podman(self, *words: str, check: bool = True) -> str:
        return self.made.run("podman", *words, inside=self.network, check=check)

    def container(self, service: str) -> str:
        found = self.podman(
            "ps", "--all", "--quiet", f"--filter=label=com.docker.compose.service={service}"
        )
        (number,) = found.split()
        return number

    def inspect(self, service: str, path: str) -> str:
        return self.podman("inspect", f"--format={{{{{path}}}}}", self.container(service)).strip()

    def is_well(self, service: str) -> bool:
        container = self.container(service)
        asked = (*entering(self.network), "podman", "healthcheck", "run", container)
        done = subprocess.run(asked, check=False, capture_output=True, env=self.made.environment)
        return done.returncode == 0

    def page(self, host: str, port: int, address: str, path: str = "/") -> str:
        return self.made.run(
            "curl", "--silent", "--show-error", "--fail", "--cacert", self.authority,
            "--resolve", f"{host}:{port}:{address}", f"https://{host}:{port}{path}",
            inside=self.network,
        )  # fmt: skip

    def radius(self, device: str) -> str:
        lines = [f'User-Name = "{device}"', f'User-Password = "{device}"']
        lines += [f'Calling-Station-Id = "{device}"', "Service-Type = Call-Check"]
        told = self.network.run(
            ["radclient", "-x", "-r", "3", "-t", "5", f"{ADDRESS}:1812", "auth", SECRET],
            text="\n".join([*lines, "Message-Authenticator = 0x00"]), check=False,
        )  # fmt: skip
        return told.stdout


@pytest.fixture
def household(made: Store, network: Namespace, tmp_path: Path) -> Iterator[Household]:
    put_database(made)
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    authority = Authority.create(tmp_path, utc_now())
    for host in (PORTAL, STAFF):
        issued = authority.issue([host], utc_now())
        (folder / f"{host}.pem").write_bytes(issued.chain.read_bytes())
        (folder / f"{host}.key").write_bytes(issued.key.read_bytes())
    (folder / "kvar.toml").write_text(CONFIGURATION)
    for file in folder.iterdir():
        os.chown(file, 0, USER)
        file.chmod(0o640)
    running = Household(made, network, tmp_path / "authority.pem")
    compose = ("env", f"KVAR_CONFIG={folder}", PODMAN_COMPOSE, "--file", COMPOSE)
    made.run(*compose, "up", "--no-build", "--detach", inside=network)
    try:
        _wait_until_well(running)
        yield running
    finally:
        made.run(*compose, "down", "--volumes", inside=network, check=False)


def _wait_until_well(running: Household) -> None:
    deadline = monotonic() + START_S
    for service in SERVICES:
        while not running.is_well(service):
            told = running.podman("logs", "--tail=30", running.container(service), check=False)
            assert monotonic() < deadline, (service, told)
            sleep(1)


def test_the_image_stays_small(made: Store) -> None:
    added = (made.size("kvar") - made.size(DEBIAN)) / 1e6
    assert SMALLEST_MB < added < BIGGEST_MB, (
        f"docs/installation.md says how much is added: {added:.0f}"
    )


def test_a_household_without_a_gate(household: Household) -> None:
    assert "password" in household.page(STAFF, 8443, "127.0.0.1", "/sign-in")
    printer, stranger = household.radius(PRINTER), household.radius(STRANGER)
    assert "Received Access-Accept" in printer
    assert "url-redirect" not in printer
    redirect = re.search(rf'url-redirect=https://{PORTAL}(/[^"]+)', stranger)
    assert redirect is not None, stranger
    login = household.page(PORTAL, 443, ADDRESS, redirect[1])
    assert "Bybiblioteket" in login
    assert '<form class="card" method="post"' in login
    for service in SERVICES:
        _may_do_nothing(int(household.inspect(service, ".State.Pid")))
    _ends_by_itself(household)


def _may_do_nothing(process: int) -> None:
    status = Path(f"/proc/{process}/status").read_text()
    held = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.MULTILINE))
    assert held["Uid"].split() == held["Gid"].split() == [str(USER)] * 4
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"):
        assert int(held[kind], 16) == 0, kind
    assert held["NoNewPrivs"] == "1"
    mounted = [line.split() for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines()]
    options = {words[4]: words[5].split(",")[0] for words in mounted}
    assert (options["/"], options["/etc/kvar"], options["/var/lib/kvar"]) == ("ro", "ro", "rw")


def _ends_by_itself(household: Household) -> None:
    for service in SERVICES:
        container = household.container(service)
        household.podman("stop", f"--time={STOP_S}", container)
        state = json.loads(household.podman("inspect", container))[0]["State"]
        assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 0, False)
