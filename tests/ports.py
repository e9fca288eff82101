"""Ports for the programs that a test starts, which must be told theirs before they listen.

Not for a socket of the test's own: that one binds port 0. The rule to keep: no test finds a free
port by itself, for what was free a moment ago may be another worker's by now.
"""

import os
import socket
from collections.abc import Iterator
from itertools import count

FIRST, END = 20_000, 32_000
"""Below `ip_local_port_range`, so that the kernel gives none of them to a socket that binds 0."""

_reserved: list[socket.socket] = []
"""Kept until this process ends, when the kernel lets go of the names."""


def _candidates() -> Iterator[int]:
    """Every port in turn; each process begins elsewhere, only to find a free one sooner."""
    return (FIRST + (os.getpid() * 97 + at) % (END - FIRST) for at in count())


_next = _candidates()


def free_port() -> int:
    """Return a TCP and UDP port that nobody listens at, and that no other test is given."""
    return free_ports_in_a_row(1)


def free_ports_in_a_row(number: int) -> int:
    """Return the first of so many such ports, one after the other."""
    while True:
        port = next(_next)
        names: list[socket.socket] = []
        try:
            for one in range(port, port + number):
                names.append(_name(one))
                _try(one)
        except OSError:
            for name in names:
                name.close()
            continue
        _reserved.extend(names)
        return port


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """Return one such port for each name."""
    return {name: free_port() for name in names}


def _name(port: int) -> socket.socket:
    """Take the port's name, which only one process of a network namespace can have."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0kvar-test-port-{port}")
    except OSError:
        name.close()
        raise
    return name


def _try(port: int) -> None:
    """See that nothing else of this machine has it, whatever address it is bound to."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET6, kind) as both:
            both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            both.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
            both.bind(("::", port))
