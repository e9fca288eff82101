"""No two tests are given the same port, whichever processes they run in."""

import socket
import subprocess
import sys

import pytest

from tests import ports

FIND_FIFTY = """
from tests import ports
ports._next = iter(range(ports.FIRST, ports.END))
print(*[ports.free_port() for _ in range(50)], flush=True)
input()
"""


def test_processes_side_by_side_get_others() -> None:
    command = [sys.executable, "-c", FIND_FIFTY]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    try:
        lines = [one.stdout.readline() for one in running if one.stdout]
    finally:
        for one in running:
            one.communicate("\n")
    found = [int(port) for line in lines for port in line.split()]
    assert len(set(found)) == len(found) == 150


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0"])  # noqa: S104 - a test
def test_what_another_program_has_is_not_given(
    kind: socket.SocketKind, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ports.free_ports_in_a_row(3)
    monkeypatch.setattr(ports, "_next", iter([first + 1, first + 2]))
    monkeypatch.setattr(ports, "_name", lambda _: socket.socket(socket.AF_UNIX))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as other:
        other.bind((address, first + 1))
        if kind == socket.SOCK_STREAM:
            other.listen()
        assert ports.free_port() == first + 2
