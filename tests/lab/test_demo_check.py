"""What ``make demo-check`` shows is shown here too, step by step."""

import subprocess
import sys

import pytest


@pytest.mark.root
def test_every_step_of_the_demonstration_passes() -> None:
    command = [sys.executable, "-m", "portal", "demo", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line for line in done.stdout.splitlines() if line.startswith("✓")]
    assert len(steps) == 17
