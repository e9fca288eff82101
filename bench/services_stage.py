"""What services are measured on: a PostgreSQL that flushes to disk, and a gate without a kernel.

Both are other processes, so that the measuring process's own CPU is its own.
"""

import asyncio
import multiprocessing
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

from firewall.agent import run_simulated_agent
from firewall.client import GateClient
from firewall.settings import GateSettings, GuestNetwork
from portal.storage.embedded import EmbeddedPostgres
from portal.storage.migrate import migrate


@asynccontextmanager
async def postgres(settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Run a PostgreSQL with the schema, and settings of its own if wished; give its DSN."""
    directory = _directory()
    cluster = EmbeddedPostgres(directory, settings=settings or {})
    await cluster.start()
    try:
        await migrate(cluster.dsn, datetime.now(UTC))
        yield cluster.dsn
    finally:
        await cluster.stop()
        shutil.rmtree(directory)


@asynccontextmanager
async def simulated_gate() -> AsyncIterator[GateClient]:
    """Run a simulated gate of the site "main" behind its socket."""
    directory = _directory()
    path = directory / "gate.sock"
    gate = multiprocessing.get_context("spawn").Process(target=_run, args=(path,), daemon=True)
    gate.start()
    await asyncio.to_thread(_wait_for, path)
    try:
        async with GateClient(path, 30) as client:
            yield client
    finally:
        gate.terminate()
        gate.join()
        shutil.rmtree(directory)


def _directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="kvar-bench-"))
    directory.chmod(0o711)
    return directory


def _wait_for(path: Path) -> None:
    while not path.exists():
        sleep(0.05)


def _run(path: Path) -> None:
    network = GuestNetwork("guest0", "main")
    settings = GateSettings(guest_networks=(network,), socket_path=path)
    asyncio.run(run_simulated_agent(settings, asyncio.Event()))
