"""From nothing to a library: a clean Debian, the package, nine answers, and a phone online.

A real systemd runs the package's own units, with their users, capabilities and limits, where the
lab's gateway is: between the lab's phones and its internet. The same for each release of Debian.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from firewall.lab import addressing, processes
from firewall.lab.network import Lab, LabSettings
from firewall.marks import MAY_LEAVE
from portal.demo.world import LIBRARY_COMMAND, LIBRARY_PORT
from portal.library.demo_library import INSTITUTION, LOGIN_PASSWORD, LOGIN_USER
from tests.deploy.clean_root import SUITES, Machine, apt, booted, built, debian, enter
from tests.lab.guest import CARD, PIN, Guest
from tests.portal.documentation.documented_commands import ROOT, shown

pytestmark = [pytest.mark.root, pytest.mark.proof, pytest.mark.timeout(1800)]

ANSWERS = """
login_methods = ["card", "code"]

[municipality]
name = "Exempelby bibliotek"
contact_email = "biblioteket@exempelby.example"

[library]
name = "Exempelby stadsbibliotek"

[network]
ssid = "Biblioteket"
portal_host_name = "{portal}"

[interfaces]
guest = ["{guest}"]
uplink = ["{uplink}"]

[library_system]
host = "{library}"
port = {port}
tls = "off"
plain_text_is_safe_here = true
login_user = "{user}"
login_password = "{password}"
institution_id = "{institution}"

[administrator]
name = "robin"
"""

OURS = f"kvar {version('kvar')}\n"
FORWARDING_OFF, FORWARDING_ON = "0\n0\n1\n", "1\n1\n0\n"
NO_GATEWAY = {
    "net.ipv4.ip_forward": 0,
    "net.ipv6.conf.all.forwarding": 0,
    "net.ipv4.conf.all.rp_filter": 1,
}
"""What a machine has that was no gateway yet."""
SERVICES = ("gate", "keeper", "portal", "staff")
NOT_HERE = {"clock", "probe hosts", "library system"}
"""What the doctor may warn of: the lab has no time service, a made-up internet, and plain SIP2."""


@dataclass
class Site:
    """What a guest needs to know of a world (tests/lab/guest.py)."""

    lab: Lab
    portal_origin: str


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(LabSettings(phones=1, fail_closed_bit=MAY_LEAVE)) as made:
        assert made.management is not None
        address = ["--host", addressing.MANAGEMENT.far_v4, "--port", str(LIBRARY_PORT)]
        library = made.management.namespace.spawn([*LIBRARY_COMMAND, *address])
        try:
            yield made
        finally:
            processes.stop(library)


def furnish(root: Path, lab: Lab) -> None:
    """Put the lab's certificate there, trusted as a public one would be, and the answers."""
    authority = root / "usr/local/share/ca-certificates/lab.crt"
    authority.write_bytes(lab.authority.certificate.public_bytes(Encoding.PEM))
    subprocess.run(["chroot", root, "update-ca-certificates"], check=True, capture_output=True)
    for file, name in (
        (lab.portal_certificate.chain, "fullchain.pem"),
        (lab.portal_certificate.key, "privkey.pem"),
    ):
        shutil.copy(file, root / "etc/kvar/tls" / name)
        for command in (("chgrp", "kvar"), ("chmod", "640")):
            subprocess.run(["chroot", root, *command, f"/etc/kvar/tls/{name}"], check=True)
    text = ANSWERS.format(
        portal=lab.settings.portal_host, guest=lab.sites[0].interface,
        uplink=addressing.WAN.interface, library=addressing.MANAGEMENT.far_v4, port=LIBRARY_PORT,
        user=LOGIN_USER, password=LOGIN_PASSWORD, institution=INSTITUTION,
    )  # fmt: skip
    (root / "root/answers.toml").write_text(text)


def findings(machine: Machine) -> list[dict[str, str]]:
    words = ("kvar", "doctor", "--json", "--test-card", CARD)
    told = machine.run(*words, typed=f"{PIN}\n", check=False)
    listed: list[dict[str, str]] = json.loads(told[told.index("[\n") :])
    return listed


@pytest.mark.parametrize("suite", SUITES)
def test_a_clean_debian_becomes_a_library(suite: str, lab: Lab) -> None:
    with built(suite) as (_, package), debian(package, suite) as root:
        furnish(root, lab)
        lab.gateway.sysctl(NO_GATEWAY)
        with booted(root, lab.gateway.name) as machine:
            assert settings(machine) == FORWARDING_OFF, "installed is not yet set up"
            _is_set_up(machine)
        lab.gateway.sysctl(NO_GATEWAY)
        with booted(root, lab.gateway.name) as machine:
            _has_started(machine)
            assert settings(machine) == FORWARDING_ON
            _runs_as_its_own_users(machine)
            _is_well(machine)
            _lets_a_phone_in(lab)
            _goes_back_and_forward(machine, package)
            _comes_back_from_its_backup(machine)
        _is_purged(root)


def settings(machine: Machine) -> str:
    return machine.run("cat", *(f"/proc/sys/{name.replace('.', '/')}" for name in NO_GATEWAY))


def _is_set_up(machine: Machine) -> None:
    told = machine.run("kvar", "setup", "--answers", "/root/answers.toml")
    assert "/first#" in told
    before = machine.run("sha256sum", "/etc/kvar/kvar.toml")
    again = machine.run("kvar", "setup", "--answers", "/root/answers.toml")
    assert "/first#" not in again
    assert machine.run("sha256sum", "/etc/kvar/kvar.toml") == before
    (start,) = shown(ROOT / "docs/installation.md")
    enable, doctor = start.script.splitlines()
    machine.run("sh", "-c", enable)
    assert settings(machine) == FORWARDING_ON
    _has_started(machine)
    machine.run("systemctl", "start", "kvar-backup.service", "kvar-certificates.service")
    assert "✓ database" in machine.run("sh", "-c", doctor, check=False)
    assert "0 loaded units listed" in machine.run("systemctl", "--failed")


def _has_started(machine: Machine) -> None:
    for service in SERVICES:
        machine.wait_until("systemctl", "is-active", "--quiet", f"kvar-{service}.service")


def _runs_as_its_own_users(machine: Machine) -> None:
    for service in SERVICES:
        unit = f"kvar-{service}.service"
        pid = machine.run("systemctl", "show", "--value", "--property=MainPID", unit).strip()
        user = machine.run("stat", "--format=%U", f"/proc/{pid}").strip()
        assert user == ("kvar-gate" if service == "gate" else "kvar")
        (line,) = machine.run("grep", "CapEff", f"/proc/{pid}/status").splitlines()
        expected = {"gate": 1 << 12 | 1 << 13, "portal": 1 << 10}.get(service, 0)
        assert int(line.split()[1], 16) == expected, service
    keys = machine.run("stat", "--format=%U %a", "/var/lib/kvar/keys")
    assert keys == "kvar 700\n"


def _is_well(machine: Machine) -> None:
    found = findings(machine)
    wrong = [one for one in found if one["level"] != "right" and one["check"] not in NOT_HERE]
    assert wrong == []
    checks = {one["check"] for one in found if one["level"] == "right"}
    assert {
        *("gate", "in step", "kernel", "names", "announcement", "redirect", "captive API"),
        *("database", "backup", "deletion", "processes", "library system", "certificate"),
    } <= checks


def _lets_a_phone_in(lab: Lab) -> None:
    phone = lab.phones[0]
    phone.join(ipv6=True)
    guest = Guest(Site(lab, f"https://{lab.settings.portal_host}"), phone)  # type: ignore[arg-type]
    probe = "http://captive.apple.com/hotspot-detect.html"
    assert phone.http(probe).status == 302
    assert guest.sign_in().status == 303
    genuine = phone.http(probe)
    assert (genuine.status, b"Success" in genuine.body) == (200, True)
    assert not guest.is_captive()


def _goes_back_and_forward(machine: Machine, package: Path) -> None:
    """A release that is not well takes its units and commands back with it; the next one stays."""
    says = ("systemctl", "show", "--value", "--property=Description", "kvar-closed.service")
    before = machine.run(*says)
    for name, is_well in (("9.1", False), ("9.2", True)):
        release(package, name, machine.root / "root/next.deb", is_well=is_well)
        machine.run("dpkg", "--install", "/root/next.deb", check=is_well)
        _has_started(machine)
        assert machine.run(*says) == (f"Release {name}\n" if is_well else before)
        readme = machine.run("head", "-n1", "/usr/share/doc/kvar/README.md")
        assert (readme == f"# {name}\n") is is_well
        assert machine.run("kvar", "--version") == (f"{name}\n" if is_well else OURS)
    assert machine.run("dpkg-query", "--show", "--showformat=${Status}", "kvar") == (
        "install ok installed"
    )


def release(package: Path, name: str, result: Path, *, is_well: bool) -> None:
    """Make another release of the package, which is told from ours by all that belongs to it."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        subprocess.run(["dpkg-deb", "--raw-extract", package, folder], check=True)
        lib = Path(folder) / "usr/lib/kvar"
        control = Path(folder) / "DEBIAN/control"
        control.write_text(re.sub("Version: .*", f"Version: {name}", control.read_text()))
        (lib / "share/doc/README.md").write_text(f"# {name}\n")
        unit = lib / "systemd/kvar-closed.service"  # one that was enabled by hand
        text = re.sub("Description=.*", f"Description=Release {name}", unit.read_text())
        unit.write_text(text)
        program = lib / "bin/kvar"
        first, rest = program.read_text().split("\n", 1)
        portal = ":" if is_well else "exit 1"
        step = f"case $* in --version) echo {name}; exit ;; portal) {portal} ;; esac"
        program.write_text(f"{first}\n{step}\n{rest}")
        build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", folder, result]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)


def _comes_back_from_its_backup(machine: Machine) -> None:
    """As on a new machine: the package, PostgreSQL, the file of the night, and nothing else."""
    shelf = "/srv/backups/kvar"  # another folder than the package's
    machine.run("sh", "-c", f"printf '[backup]\\ndirectory = \"{shelf}\"\\n' >>/etc/kvar/kvar.toml")
    (finding,) = [one for one in findings(machine) if one["check"] == "backup"]
    machine.run("sh", "-c", finding["command"])  # makes it, for the processes' user
    machine.run("systemctl", "start", "kvar-backup.service")
    machine.run("systemctl", "stop", "kvar.target")
    for words in (("dropdb", "--force", "kvar"), ("dropuser", "kvar")):
        machine.run("runuser", "-u", "postgres", "--", *words)
    machine.run("rm", "/etc/kvar/kvar.toml")
    *_, newest = machine.run("ls", shelf).split()
    assert "kvar.toml written" in machine.run("kvar", "restore", f"{shelf}/{newest}")
    assert machine.run("stat", "--format=%U %G %a", "/etc/kvar/kvar.toml") == "root kvar 640\n"
    machine.run("systemctl", "start", "kvar.target")
    _has_started(machine)
    assert "✓ database" in machine.run("kvar", "doctor", check=False)


def _is_purged(root: Path) -> None:
    told = apt(root, "purge", "kvar")
    for folder in ("/etc/kvar", "/var/lib/kvar", "/var/backups/kvar"):
        assert f"rm -r {folder}" in told
    assert (root / "etc/kvar/kvar.toml").exists()
    assert list((root / "var/lib/kvar/keys").iterdir())
    assert list((root / "var/backups/kvar").iterdir())
    assert list(root.glob("var/lib/postgresql/*/main/PG_VERSION"))
    left = [
        *root.glob("usr/lib/kvar"),
        *root.glob("usr/lib/s*/**/*kvar*"),
        *root.glob("usr/bin/kvar"),
    ]
    assert left == []
    assert not (root / "var/lib/kvar/admitted").exists()


IN_PROCESS = (
    *("tests/portal/domain", "tests/portal/library", "tests/portal/forwarding", "tests/firewall"),
    "tests/radius_bridge",
)
PROGRAMS = ("openssl", "procps", "faketime", "rsyslog", "rsyslog-gnutls", "iproute2")
NEIGHBOURS = ("test_foreign_clients", "test_freeradius", "test_dictionary_of_freeradius")
"""Of FreeRADIUS's programs, which are not in that root."""


def test_the_rules_hold_under_the_newest_python() -> None:
    """What needs no root, browser or database, where `python3` is Debian 13's."""
    with built(SUITES[-1]) as (root, _):
        apt(root, "install", *PROGRAMS)
        told = enter(
            root, "--chdir=/build", "--setenv=LANG=C.UTF-8", ".venv/bin/python", "-m", "pytest",
            "--numprocesses=2", "--dist=loadfile", "-m", "not root and not browser and not alone",
            "-k", " and ".join(f"not {one}" for one in NEIGHBOURS), *IN_PROCESS,
        )  # fmt: skip
        assert " passed" in told
