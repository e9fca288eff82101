"""The machine: files, disk, clock, kernel settings and what processes may do."""

import ctypes
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.backup.shelf import name_of
from portal.config import Config
from portal.doctor import machine
from portal.doctor.finding import Finding, Level
from tests.portal.storage.clusters import reachable_directory


def config(folder: Path, **more: object) -> Config:
    facts = {
        "organisation": {"name": "x", "data_directory": folder},
        "portal": {
            "host_name": "wifi.example.se",
            "certificate_file": folder / "chain.pem",
            "private_key_file": folder / "key.pem",
        },
        "sites": [{"id": "a", "name": "A", "guest_interfaces": ["guest0"]}],
    }
    return Config.model_validate({**facts, **more})


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_a_secret_that_everybody_knows_is_a_failure_and_not_told(tmp_path: Path) -> None:
    known = {"host": "x", "login_password": "Change Me"}
    [finding] = machine.secrets(config(tmp_path, library_system=known))
    assert finding.is_failure
    assert "library_system.login_password" in finding.text
    assert "change me" not in str(finding).lower()
    ours = {"host": "x", "login_password": "mdgUXjcIVQ0"}
    assert levels(machine.secrets(config(tmp_path, library_system=ours))) == [Level.RIGHT]


def test_what_holds_secrets_is_closed_to_others(tmp_path: Path) -> None:
    file, key, keys = tmp_path / "kvar.toml", tmp_path / "key.pem", tmp_path / "keys"
    for path in (file, key):
        path.touch(0o640)
        path.chmod(0o640)
    keys.mkdir(0o700)
    assert levels(machine.files(config(tmp_path), file)) == [Level.RIGHT]
    for path, mode in ((file, 0o644), (key, 0o604), (keys, 0o710)):
        before = path.stat().st_mode & 0o777
        path.chmod(mode)
        [finding] = machine.files(config(tmp_path), file)
        assert finding.is_failure
        subprocess.run(finding.command.split(), check=True)
        assert levels(machine.files(config(tmp_path), file)) == [Level.RIGHT]
        assert path.stat().st_mode & 0o777 == before


def test_a_disk_that_fills_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(machine.disk(config(tmp_path)))[0] is Level.RIGHT
    monkeypatch.setattr(machine, "LITTLE_LEFT", 2**62)
    [finding, *_] = [
        found for found in machine.disk(config(tmp_path)) if str(tmp_path) in found.text
    ]
    assert finding.level is Level.WARNING
    monkeypatch.setattr(machine, "NEXT_TO_NOTHING", 2**61)
    assert any(found.is_failure for found in machine.disk(config(tmp_path)))


@pytest.mark.parametrize(("state", "level"), [(0, Level.RIGHT), (5, Level.WARNING)])
def test_a_clock_that_nothing_keeps_is_told_of(
    state: int, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Kernel:
        @staticmethod
        def adjtimex(_: object) -> int:
            return state

    assert levels(machine.clock())[0] in {Level.RIGHT, Level.WARNING}  # the real one answers
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Kernel)
    assert levels(machine.clock()) == [level]


def settings_of_a_gateway(proc: Path) -> None:
    for name, value in (("ip_forward", "1"), ("conf/all/rp_filter", "0")):
        file = proc / "ipv4" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")


def test_a_kernel_that_does_not_forward_is_a_failure(tmp_path: Path) -> None:
    settings_of_a_gateway(tmp_path)
    no_guests = config(tmp_path, sites=[{"id": "a", "name": "A"}])
    assert levels(machine.kernel(no_guests, tmp_path)) == [Level.RIGHT]
    (tmp_path / "ipv4/conf/all/rp_filter").write_text("1")
    [finding] = machine.kernel(no_guests, tmp_path)
    assert finding.is_failure
    assert finding.command == "kvar close --forward"


def test_this_machine_keeps_off_the_ports_that_are_guests_own(tmp_path: Path) -> None:
    settings_of_a_gateway(tmp_path)
    own = tmp_path / "ipv4/ip_local_port_range"
    own.write_text("32768\t60999\n")
    logged = [{"id": "a", "name": "A", "privacy_level": 3}]
    ports, address = machine.kernel(config(tmp_path, sites=logged), tmp_path)
    assert ports.level is address.level is Level.WARNING
    assert "'net.ipv4.ip_local_port_range = 57344 65535' >>/etc/sysctl.d/" in ports.command
    assert "public_addresses" in address.way_out
    own.write_text("57344\t65535\n")
    known = config(tmp_path, sites=logged, gate={"public_addresses": ["192.0.2.10"]})
    assert levels(machine.kernel(known, tmp_path)) == [Level.RIGHT]


@pytest.mark.root
def test_a_guest_network_that_is_open_in_routing_is_a_failure(tmp_path: Path) -> None:
    """In a network namespace of the test's own, in a process of its own."""
    settings_of_a_gateway(tmp_path)
    script = f"""
from pathlib import Path
from firewall import closing
from portal.doctor import machine
from tests.portal.doctor.test_machine import config
where, proc = config(Path({str(tmp_path)!r})), Path({str(tmp_path)!r})
print([finding.command for finding in machine.kernel(where, proc)])
closing.close_networks(["guest0"])
print([finding.level.value for finding in machine.kernel(where, proc)])
"""
    command = ["unshare", "--net", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['kvar close', 'kvar close']", "['right']"]


def a_process(proc: Path, name: str, uid: int, capabilities: int) -> None:
    directory = proc / str(len(list(proc.iterdir())) + 100)
    directory.mkdir()
    words = ["/usr/lib/kvar/bin/python", "-I", "-m", "portal", name]
    (directory / "cmdline").write_text("\0".join(words) + "\0")
    lines = [f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}", f"CapPrm:\t{capabilities:016x}"]
    (directory / "status").write_text("\n".join([*lines, f"CapEff:\t{capabilities:016x}", ""]))


def test_a_process_with_what_it_needs_is_right(tmp_path: Path) -> None:
    for name, capabilities in (("gate", 0x3000), ("portal", 0x400), ("keeper", 0)):
        a_process(tmp_path, name, 65534, capabilities)
    (tmp_path / "self").mkdir()
    assert set(levels(machine.processes(tmp_path))) == {Level.RIGHT}


@pytest.mark.parametrize(
    ("name", "uid", "capabilities"),
    [("portal", 0, 0), ("keeper", 65534, 0x400), ("gate", 65534, 0x203000)],
)
def test_a_process_with_more_is_a_failure(
    name: str, uid: int, capabilities: int, tmp_path: Path
) -> None:
    a_process(tmp_path, name, uid, capabilities)
    [finding] = machine.processes(tmp_path)
    assert finding.is_failure
    assert finding.command == f"systemctl restart kvar-{name}"


def test_no_process_at_all_is_told_of(tmp_path: Path) -> None:
    [finding] = machine.processes(tmp_path)
    assert (finding.level, finding.command) == (Level.WARNING, "systemctl start kvar.target")


def test_a_real_process_is_read(tmp_path: Path) -> None:
    """The kernel's own files have the form that is read here."""
    own = Path(f"/proc/{os.getpid()}")
    (tmp_path / "100").mkdir()
    (tmp_path / "100/status").write_text((own / "status").read_text())
    (tmp_path / "100/cmdline").write_text("python\0-m\0portal\0--config\0x\0keeper\0")
    [finding] = machine.processes(tmp_path)
    assert finding.is_failure is (os.geteuid() == 0)


def test_a_backup_of_last_night_is_right_and_an_older_one_a_failure(tmp_path: Path) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    facts = config(tmp_path, backup={"directory": tmp_path / "shelf"})
    [none] = machine.backups(facts, now)
    assert (none.level, none.command) == (Level.WARNING, "systemctl start kvar-backup")
    (tmp_path / "shelf").mkdir()
    assert machine.backups(facts, now) == [none]
    for hours, level in ((27, Level.FAILURE), (20, Level.RIGHT)):
        made_at = now - timedelta(hours=hours)
        (tmp_path / "shelf" / name_of(made_at, encrypted=False)).touch()
        assert levels(machine.backups(facts, now)) == [level]


@pytest.mark.root
def test_a_folder_for_backups_that_is_not_ours_is_told_with_what_makes_it_so(
    tmp_path: Path,
) -> None:
    now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    with reachable_directory() as folder:
        shelf = folder / "shelf"
        facts = config(tmp_path, backup={"directory": shelf})
        for make in (lambda: None, lambda: shelf.mkdir(0o700)):
            make()
            os.seteuid(65534)
            try:
                [finding] = machine.backups(facts, now)
            finally:
                os.seteuid(0)
            assert finding.is_failure
            assert f"{shelf} cannot be written by nobody" in finding.text
            assert finding.command == f"install -d -o nobody -m 0700 {shelf}"
        subprocess.run(finding.command.split(), check=True)
        os.seteuid(65534)
        try:
            [finding] = machine.backups(facts, now)
        finally:
            os.seteuid(0)
        assert finding.command == "systemctl start kvar-backup"


def test_a_folder_for_backups_that_the_service_cannot_see_is_told() -> None:
    facts = config(Path("/var/lib/kvar"), backup={"directory": "/home/it/backups"})
    [finding] = machine.backups(facts, datetime(2026, 11, 25, 12, tzinfo=UTC))
    assert finding.is_failure
    assert "sees nothing of /home" in finding.text


@pytest.mark.root
def test_a_folder_that_root_has_put_back_is_told_with_what_gives_it_back() -> None:
    with reachable_directory() as folder:
        for name in ("keys", "spool"):
            (folder / name).mkdir(0o700)
        found = {}
        for user in ("", "nobody", "somebody-else"):
            os.seteuid(65534)
            try:
                found[user] = machine.files(config(folder, processes={"user": user}), folder / "x")
            finally:
                os.seteuid(0)
        commands = [f"chown -R nobody {folder / name}" for name in ("keys", "spool")]
        assert [finding.command for finding in found["nobody"]] == commands
        assert found[""] == found["nobody"]
        assert levels(found["somebody-else"]) == [Level.RIGHT], "he may see less than they"
