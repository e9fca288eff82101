"""Children are started again when they die, and never outlive their parent."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from portal.supervisor import Child, UnknownUserError, command_line, supervise

WRITE_PID = "import os,sys,time; open(sys.argv[1],'a').write(f'{os.getpid()}\\n'); time.sleep(60)"


def pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


async def until(count: int, file: Path) -> list[int]:
    async with asyncio.timeout(60):
        while len(found := pids(file)) < count:
            await asyncio.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


async def until_dead(pid: int) -> None:
    async with asyncio.timeout(60):
        while alive(pid):
            await asyncio.sleep(0.02)


async def test_a_killed_child_is_started_again_and_all_end_with_the_supervisor(
    tmp_path: Path,
) -> None:
    file = tmp_path / "pids"
    child = Child("sleeper", (sys.executable, "-c", WRITE_PID, str(file)))
    supervision = asyncio.create_task(supervise([child]))
    (first,) = await until(1, file)
    os.kill(first, signal.SIGKILL)
    first, second = await until(2, file)
    assert alive(second)
    supervision.cancel()
    with suppress(asyncio.CancelledError):
        await supervision
    await until_dead(second)


async def test_a_child_does_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    script = (
        "import asyncio,sys; from portal.supervisor import Child, supervise;"
        "asyncio.run(supervise([Child('s',(sys.executable,'-c',sys.argv[1],sys.argv[2]))]))"
    )
    with subprocess.Popen([sys.executable, "-c", script, WRITE_PID, str(file)]) as parent:  # noqa: ASYNC220
        (child,) = await until(1, file)
        parent.kill()
    await until_dead(child)


def test_without_a_user_nothing_is_dropped() -> None:
    assert command_line(Child("x", ("true",))) == ["setpriv", "--pdeathsig", "TERM", "--", "true"]


@pytest.mark.root
def test_a_child_keeps_its_capabilities_and_no_other() -> None:
    child = Child("x", ("cat", "/proc/self/status"), user="daemon", capabilities=("net_admin",))
    status = subprocess.run(command_line(child), check=True, capture_output=True, text=True).stdout
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert fields["Uid"].split() == ["1"] * 4
    net_admin = f"{1 << 12:016x}"
    assert {fields[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {
        net_admin
    }


def test_a_user_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownUserError, match="no-such-user"):
        command_line(Child("x", ("true",), user="no-such-user"))
