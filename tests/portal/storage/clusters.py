"""A PostgreSQL of the test's own, to be killed, stopped and broken."""

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from threading import Thread

from portal.storage.embedded import EmbeddedPostgres

FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
}
"""Settings for tests that never take the power away: what is written need not outlive that."""


@contextmanager
def reachable_directory(prefix: str = "kvar-test-") -> Iterator[Path]:
    """A directory that PostgreSQL's unprivileged user can reach (pytest's own is closed)."""
    directory = Path(tempfile.mkdtemp(prefix=prefix))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def put_cluster(directory: Path) -> None:
    """Put there what initdb makes, which takes a second each time."""
    subprocess.run(["cp", "-a", _made_once() / "postgresql", directory], check=True)


@cache
def _made_once() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="kvar-initdb-"))
    atexit.register(shutil.rmtree, directory)
    directory.chmod(0o711)

    async def make() -> None:
        async with EmbeddedPostgres(directory):
            pass

    in_thread = Thread(target=asyncio.run, args=(make(),))
    in_thread.start()  # a loop may run in this one
    in_thread.join()
    return directory


@asynccontextmanager
async def supervised(directory: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A running cluster that comes back when it dies, as in the composition."""
    postgres = EmbeddedPostgres(directory)
    async with postgres, asyncio.TaskGroup() as group:
        supervisor = group.create_task(postgres.supervise())
        try:
            yield postgres
        finally:
            supervisor.cancel()


def family(pid: int) -> list[int]:
    """The process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *map(int, children)]


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie whose new parent has not looked yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def kill_family(pid: int, number: signal.Signals) -> None:
    for member in family(pid):
        os.kill(member, number)


async def eventually(condition: Callable[[], Awaitable[bool]], deadline_s: float = 120.0) -> None:
    """Poll until it holds; a deadline only so that a failing test ends."""
    clock = asyncio.get_running_loop().time
    end = clock() + deadline_s
    while not await condition():
        assert clock() < end, "did not come about"
        await asyncio.sleep(0.02)
