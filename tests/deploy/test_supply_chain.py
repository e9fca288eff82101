"""What is installed is what was pinned: an altered wheel is refused (T63)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [ROOT / "deploy" / name for name in ("requirements.lock", "runtime.lock")]
UV = Path(sys.executable).with_name("uv")
SMALL = "markupsafe"


def requirements(lock: Path) -> list[str]:
    """Return each requirement with its hashes, on one line."""
    joined = lock.read_text("utf-8").replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_everything_is_pinned_to_a_version_and_its_hashes(lock: Path) -> None:
    lines = requirements(lock)
    assert len(lines) > 10
    loose = [
        line
        for line in lines
        if not re.match(r"^[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:", line)
    ]
    assert loose == []


def install(line: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Install one requirement as the package's build does, into an environment of its own."""
    environment = directory / "environment"
    if not environment.exists():
        made = [UV, "venv", "--quiet", "--python", sys.executable, environment]
        subprocess.run(made, check=True, capture_output=True)
    wanted = directory / "wanted.lock"
    wanted.write_text(line + "\n")
    command = [UV, "pip", "sync", "--quiet", "--require-hashes", "--python", environment, wanted]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_an_altered_wheel_is_refused(tmp_path: Path) -> None:
    line = next(each for each in requirements(LOCKS[1]) if each.startswith(f"{SMALL}=="))
    altered = re.sub(
        r"(sha256:)(\w)", lambda found: found[1] + ("1" if found[2] == "0" else "0"), line
    )
    refused = install(altered, tmp_path)
    assert refused.returncode != 0
    assert "hash" in refused.stderr.lower()
    found = list((tmp_path / "environment").rglob(f"{SMALL}*"))
    assert found == []
    assert install(line, tmp_path).returncode == 0, "the control: unaltered it is taken"
