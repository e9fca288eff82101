"""The directories that processes share belong to who writes, and are read by who must."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.composition.everything import _prepare

pytestmark = pytest.mark.root

WRITER, READER, OTHER = "nobody", "daemon", "games"


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kv") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "admitted"


def run_as(user: str, command: str) -> bool:
    words = ["setpriv", f"--reuid={user}", f"--regid={_group(user)}", "--clear-groups"]
    done = subprocess.run([*words, "sh", "-c", command], check=False, capture_output=True)
    return done.returncode == 0


def _group(user: str) -> str:
    return subprocess.run(["id", "-g", user], check=True, capture_output=True, text=True).stdout[
        :-1
    ]


@pytest.mark.parametrize(
    ("user", "readers", "may_read"),
    [(WRITER, READER, True), (WRITER, "", False), (WRITER, WRITER, False)],
)
def test_the_keeper_writes_the_gate_reads_and_nobody_else(
    directory: Path, user: str, readers: str, may_read: bool
) -> None:
    _prepare(directory, 0o2750, user, readers)
    path = directory / "devices"
    assert run_as(WRITER, f"umask 022; echo secret >{path}.new && chmod 640 {path}.new")
    assert run_as(WRITER, f"mv {path}.new {path}")
    assert run_as(READER, f"cat {path}") == may_read
    assert not run_as(READER, f"echo >{path}")
    assert not run_as(READER, f"echo >{path}.other")
    assert not run_as(OTHER, f"cat {path}")
    assert not run_as(OTHER, f"ls {directory}")


def test_root_alone_writes_where_only_the_gate_has_a_user(directory: Path) -> None:
    _prepare(directory, 0o2750, "", READER)
    (directory / "devices").write_text("secret")
    (directory / "devices").chmod(0o640)
    assert run_as(READER, f"cat {directory / 'devices'}")
    assert not run_as(OTHER, f"cat {directory / 'devices'}")
