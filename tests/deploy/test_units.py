"""The systemd units: readable to systemd, and each with little that it may do."""

import subprocess
from pathlib import Path

import pytest

UNITS = Path("deploy/systemd")
SERVICES = sorted(UNITS.glob("*.service"))
MOST_EXPOSED = 20
"""Of 100, as `systemd-analyze security` counts; a unit that says nothing has 96."""


def test_the_units_are_there() -> None:
    assert {unit.stem for unit in SERVICES} == {
        *("kvar-closed", "kvar-gate", "kvar-keeper", "kvar-migrate", "kvar-portal"),
        *("kvar-radius", "kvar-staff", "kvar-backup", "kvar-certificates"),
    }


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_may_do_little(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.splitlines()[-1:]


def test_a_unit_without_limits_would_not_pass(tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", bare],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """The command is not installed here: systemd reads the units as if it were."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/usr/bin/kvar", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    units = [str(tmp_path / unit.name) for unit in UNITS.iterdir()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "kvar" in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_only_the_gate_may_change_the_network(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    assert ("CAP_NET_ADMIN" in text) == (unit.stem in {"kvar-gate", "kvar-closed"})


@pytest.mark.parametrize(
    "unit", [unit for unit in SERVICES if "Type=notify" in unit.read_text()], ids=lambda u: u.stem
)
def test_a_process_that_dies_is_started_again_however_often(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for line in ("Restart=always", "StartLimitIntervalSec=0", "WatchdogSec=30"):
        assert f"{line}\n" in text
