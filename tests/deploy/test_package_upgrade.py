"""What dpkg calls around an upgrade: the release that runs is kept until the next one is well.

The scripts run on a folder in the place of /, with a `systemctl` that says that Kvar runs; what
`kvar upgrade` itself does is in portal/composition/test_upgrade.py.
"""

import fcntl
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "deploy" / "debian"
QUIET = ("systemd-sysusers", "systemd-tmpfiles", "adduser", "chown")
COMMAND = """#!/bin/sh
echo "$@" >>{root}/log
{step}
"""


@dataclass(frozen=True)
class Machine:
    root: Path

    @property
    def lib(self) -> Path:
        return self.root / "usr/lib"

    @property
    def in_use(self) -> str:
        return (self.lib / "kvar-current/version").read_text()

    def make(self, path: str, text: str = "") -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def unpack(self, version: str) -> None:
        """As dpkg does: beside it, and renamed into its place; then away with what is no more."""
        units = self.lib / "kvar/systemd"
        ours = {"kvar-gate.service", f"kvar-only-{version}.service"}
        gone = {file.name for file in units.glob("*")}
        for name in (
            "version",
            "bin/kvar",
            *(f"systemd/{unit}" for unit in ours),
        ):
            self.make(f"usr/lib/kvar/{name}.dpkg-new", version)
            (self.lib / f"kvar/{name}.dpkg-new").rename(self.lib / "kvar" / name)
        script = (SCRIPTS / "unit-without-words").read_text()
        self.make("usr/lib/kvar/share/unit-without-words", script)
        places = self.lib / "systemd/system"
        places.mkdir(parents=True, exist_ok=True)
        for unit in ours - gone:
            (places / unit).write_text("[Install]\n")
            (places / f"{unit}.d").mkdir()
            linked = self.lib / "kvar-current/systemd" / unit
            (places / f"{unit}.d/00-release.conf").symlink_to(linked)
        for unit in gone - ours:
            for file in (places / unit, places / f"{unit}.d/00-release.conf", units / unit):
                file.unlink(missing_ok=True)
            (places / f"{unit}.d").rmdir()

    def units(self) -> dict[str, str]:
        """Return what systemd would read: each unit, and the release that it comes from."""
        links = (self.lib / "systemd/system").glob("*.d/00-release.conf")
        found = {link.parent.name.removesuffix(".d"): link for link in links if link.exists()}
        assert all((self.lib / "systemd/system" / name).exists() for name in found)
        return {name: link.read_text() for name, link in found.items()}

    def call(self, script: str, *arguments: str) -> int:
        text = (SCRIPTS / script).read_text()
        for path in ("/usr/", "/etc/", "/run/", "/var/"):
            for before in (" ", "="):
                text = text.replace(f"{before}{path}", f"{before}{self.root}{path}")
        path = f"{self.root}/stubs:{os.environ['PATH']}"
        command = ["sh", "-c", text, script, *arguments]
        return subprocess.run(command, check=False, env={"PATH": path}).returncode

    def upgrade(self, version: str) -> int:
        assert self.call("preinst", "upgrade", "1") == 0
        assert self.in_use == "1", "while files are unpacked, too"
        self.unpack(version)
        assert self.in_use == "1"
        return self.call("postinst", "configure", "1")

    def kvar(self, step: str) -> None:
        """What `kvar` does: turn the link, as an upgrade does, or fail."""
        self.make("usr/bin/kvar", COMMAND.format(root=self.root, step=step))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    for name in (*QUIET, "systemctl"):
        made.make(f"stubs/{name}", "#!/bin/sh\nexit 0\n")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    made.make("etc/kvar/kvar.toml")
    made.unpack("1")
    assert made.call("postinst", "configure", "") == 0
    made.kvar(f"ln -sfn {made.lib}/kvar {made.lib}/kvar-current")
    return made


def test_the_next_release_takes_over(machine: Machine) -> None:
    assert machine.in_use == "1"
    assert machine.upgrade("2") == 0
    assert machine.in_use == "2"
    lib = machine.lib
    said = (machine.root / "log").read_text()
    assert said == f"upgrade --link {lib}/kvar-current {lib}/kvar\n"
    assert not (lib / "kvar-before").exists()


def test_one_that_is_not_well_leaves_the_one_before_in_use(machine: Machine) -> None:
    machine.kvar("exit 1")
    assert machine.upgrade("2") == 1
    assert machine.in_use == "1"
    assert (machine.lib / "kvar/version").read_text() == "2"


def test_going_back_takes_the_units_back(machine: Machine) -> None:
    """With those that the next release has no more; once one is well, they go."""
    first = {"kvar-gate.service": "1", "kvar-only-1.service": "1"}
    assert machine.units() == first
    machine.kvar(f"ln -sfn {machine.lib}/kvar-before {machine.lib}/kvar-current; exit 1")
    assert machine.upgrade("2") == 1
    assert machine.units() == first
    machine.kvar(f"ln -sfn {machine.lib}/kvar {machine.lib}/kvar-current")
    assert machine.upgrade("3") == 0
    assert machine.units() == {"kvar-gate.service": "3", "kvar-only-3.service": "3"}
    assert len(list((machine.lib / "systemd/system").iterdir())) == 4, "nothing that leads nowhere"


def test_systemd_reads_the_units_before_and_after(machine: Machine) -> None:
    machine.make(
        "stubs/systemctl",
        f'#!/bin/sh\necho "$* $(readlink {machine.lib}/kvar-current)" >>{machine.root}/log\n',
    )
    machine.upgrade("2")
    said = (machine.root / "log").read_text().splitlines()
    reloads = [line for line in said if "daemon-reload" in line]
    assert reloads == ["daemon-reload kvar-before", "daemon-reload kvar"]


def test_after_a_failed_one_a_third_is_tried_from_the_first(machine: Machine) -> None:
    machine.kvar("exit 1")
    machine.upgrade("2")
    machine.kvar(f"ln -sfn {machine.lib}/kvar {machine.lib}/kvar-current")
    assert machine.upgrade("3") == 0
    assert machine.in_use == "3"


def test_after_one_that_went_back_by_itself_the_first_is_still_the_one_kept(
    machine: Machine,
) -> None:
    machine.kvar(f"ln -sfn {machine.lib}/kvar-before {machine.lib}/kvar-current; exit 1")
    assert machine.upgrade("2") == 1
    assert machine.upgrade("3") == 1
    assert machine.in_use == "1", "not the one that was not well"


def test_one_that_was_broken_off_begins_where_it_began(machine: Machine) -> None:
    machine.kvar(f"ln -sfn {machine.lib}/kvar {machine.lib}/kvar-current; kill -9 $PPID")
    assert machine.upgrade("2") != 0
    assert machine.in_use == "2"
    machine.kvar("exit 1")
    assert machine.call("postinst", "configure", "1") == 1
    assert machine.in_use == "1"


def test_one_that_was_called_by_hand_and_is_under_way_keeps_its_link(machine: Machine) -> None:
    machine.kvar(f"ln -sfn {machine.lib}/kvar-before {machine.lib}/kvar-current; exit 1")
    assert machine.upgrade("2") == 1
    link = machine.lib / "kvar-current"
    link.unlink()
    link.symlink_to("kvar")  # as the other has turned it
    folder = os.open(machine.lib / "kvar-before", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    assert machine.call("postinst", "configure", "1") == 1
    os.close(folder)
    assert machine.in_use == "2"


def test_a_keeper_that_waits_for_its_database_is_upgraded_with_care_too(machine: Machine) -> None:
    only_the_target = 'case "$*" in *is-active*kvar.target*) ;; *is-active*) exit 3 ;; esac'
    machine.make("stubs/systemctl", f"#!/bin/sh\n{only_the_target}\n")
    machine.kvar("exit 1")
    assert machine.upgrade("2") == 1
    assert machine.in_use == "1"


def test_nothing_is_left_when_the_package_goes(machine: Machine) -> None:
    machine.kvar("exit 1")
    machine.upgrade("2")
    assert machine.call("postrm", "remove") == 0
    assert {path.name for path in machine.lib.iterdir()} == {"kvar", "systemd"}
    assert not (machine.lib / "kvar-current").is_symlink()
