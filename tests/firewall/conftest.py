"""Networks and running agents for the gate's tests."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from firewall.agent import run_agent
from firewall.client import GateClient
from firewall.settings import GateSettings
from tests.firewall.network import Network, in_thread, network

ROOT = Path(__file__).parents[2]


def wait_for(
    condition: Callable[[], Any], what: str, within_s: float = 60.0, every_s: float = 0.01
) -> None:
    """Poll until something holds; a bound for a hanging test, not a measure of speed."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(every_s)


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path: the address of a Unix socket holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="kv") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def net() -> Iterator[Network]:
    with network(devices=2) as made:
        yield made


@pytest.fixture
def settings(net: Network, directory: Path) -> GateSettings:
    return net.settings(directory)


@contextmanager
def agent_in_thread(settings: GateSettings, namespace: str) -> Iterator[None]:
    with in_thread(namespace, lambda stop: run_agent(settings, stop)):
        wait_for(settings.socket_path.exists, "the gate's socket")
        yield


@pytest.fixture
def agent(net: Network, settings: GateSettings) -> Iterator[GateSettings]:
    with agent_in_thread(settings, net.gateway):
        yield settings


@pytest.fixture
async def gate(agent: GateSettings) -> AsyncIterator[GateClient]:
    async with GateClient(agent.socket_path) as client:
        yield client


class AgentProcess:
    """The agent as a process of its own, to be killed."""

    def __init__(self, namespace: str, directory: Path, *prefix: str) -> None:
        self.path = directory / "gate.sock"
        self._namespace = namespace
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        script = Path(__file__).with_name("agent_process.py")
        words = ["ip", "netns", "exec", self._namespace, *self._prefix]
        words += [sys.executable, str(script), json.dumps({"socket": str(self.path)})]
        self._process = subprocess.Popen(
            words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
        )
        wait_for(self.path.exists, "the gate's socket")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()
        self.path.unlink(missing_ok=True)

    def stop(self) -> str:
        assert self._process is not None
        self._process.terminate()
        return self._process.communicate(timeout=60)[1].decode()


@pytest.fixture
def agent_process(
    net: Network, directory: Path
) -> Callable[..., AbstractContextManager[AgentProcess]]:
    @contextmanager
    def make(*prefix: str) -> Iterator[AgentProcess]:
        process = AgentProcess(net.gateway, directory, *prefix)
        process.start()
        try:
            yield process
        finally:
            process.stop()

    return make
