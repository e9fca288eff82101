from __future__ import annotations

import subprocess
import sys

import pytest

from firewall.lab.network import Lab

pytestmark = pytest.mark.root

LAB = [sys.executable, "-m", "firewall.lab"]


def _lab(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LAB, *words], capture_output=True, text=True, check=False)


def test_a_lab_by_hand() -> None:
    command = [*LAB, "up", "--phones", "1", "--plain-nat"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        lab = lines[0][2:6]
        assert lines[0].startswith(f"kv{lab}-phone1  02:4b:56:00:00:01  10.44.")
        assert f"{lab}  owner {process.pid}" in _lab("status").stdout
        assert _lab("down", lab).returncode == 0
        assert process.wait(20) == 0
    assert lab not in {state.id for state in Lab.running()}
    assert _lab("sweep").returncode == 0
    down = _lab("down", lab)
    assert (down.returncode, down.stderr.startswith("lab: 0 labs match")) == (1, True)
