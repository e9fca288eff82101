"""What the service manager hears: on a real socket, and nothing where there is none."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import service_notification
from portal.service_notification import tell, watchdog_interval_s


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


def test_a_message_reaches_the_manager(manager: socket.socket) -> None:
    assert tell("READY=1", {"NOTIFY_SOCKET": manager.getsockname()})
    assert manager.recv(100) == b"READY=1"


def test_an_address_without_a_file_is_reached_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0kvar-test-{os.getpid()}")
        assert tell("READY=1", {"NOTIFY_SOCKET": f"@kvar-test-{os.getpid()}"})
        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/at/all"])
def test_nobody_to_tell_is_no_fault(address: str) -> None:
    assert not tell("READY=1", {"NOTIFY_SOCKET": address})


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_the_manager_wants_to_hear(
    environment: dict[str, str], interval_s: float | None
) -> None:
    assert watchdog_interval_s(environment, 7) == interval_s


async def test_it_hears_again_and_again(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    alive = asyncio.create_task(service_notification.tell_alive())
    heard = [await asyncio.to_thread(manager.recv, 100) for _ in range(3)]
    alive.cancel()
    assert heard == [b"WATCHDOG=1"] * 3


def test_a_process_says_that_it_is_ready(manager: socket.socket, tmp_path: Path) -> None:
    example = Path("deploy/kvar.toml").read_text(encoding="utf-8")
    text = example.replace("[gate]\n", f'[gate]\nenabled = false\nsocket = "{tmp_path}/gate"\n')
    file = tmp_path / "kvar.toml"
    file.write_text(text.replace("/var/lib/kvar", str(tmp_path / "data")), encoding="utf-8")
    command = [sys.executable, "-m", "portal", "--config", str(file), "gate"]
    environment = {**os.environ, "NOTIFY_SOCKET": manager.getsockname()}
    with subprocess.Popen(command, env=environment) as running:
        try:
            assert manager.recv(100) == b"READY=1"
        finally:
            running.terminate()
    assert running.returncode == 0
