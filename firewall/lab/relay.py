"""Relays that let a browser on this machine be a lab phone, or reach a server in the gateway.

A relay is a process inside a namespace that was handed a listening socket of the host: it accepts
there and connects from inside, so the portal sees the phone's own address and MAC.

The *portal relay* understands HTTP. The visitor's browser speaks plain HTTP to localhost (which
browsers count as secure); the relay fetches from the portal's HTTPS origin, trusting the lab's
authority, and puts the visitor's address in place of the portal's in Location, in
Content-Security-Policy and in text bodies; Host, Origin and Referer are changed the other way
round. `/.lab/online` asks a probe host as the phone and says whether it is captive;
`/.lab/somewhere` follows the redirect that the phone gets there.
The *TCP relay* passes bytes and knows nothing.
"""

from __future__ import annotations

import dataclasses
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from firewall.lab.processes import LabError, stop

if TYPE_CHECKING:
    import pathlib

    from firewall.lab.processes import Namespace

LOCALHOST = "127.0.0.1"


@dataclasses.dataclass(frozen=True, slots=True)
class Relay:
    """A running relay; `address` is where the visitor's browser goes."""

    host: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """Such as http://localhost:8080."""
        return f"http://{'localhost' if self.host == LOCALHOST else self.host}:{self.port}"

    def close(self) -> None:
        """Stop listening."""
        stop(self.process)


def start_portal_relay(
    namespace: Namespace,
    portal: str,
    trusted: pathlib.Path,
    *,
    host: str = LOCALHOST,
    port: int = 8080,
) -> Relay:
    """Relay to the portal's origin, such as https://login.library.example, from a phone.

    `port` 0 takes a free one. Raises LabError when the port is taken.
    """
    return _start(namespace, ["portal", portal, str(trusted)], host, port)


def start_tcp_relay(
    namespace: Namespace, target: tuple[str, int], *, host: str = LOCALHOST, port: int
) -> Relay:
    """Relay bytes to an address and port as seen from inside the namespace. Raises LabError."""
    return _start(namespace, ["tcp", target[0], str(target[1])], host, port)


def _start(namespace: Namespace, words: list[str], host: str, port: int) -> Relay:
    try:
        listener = socket.create_server((host, port), backlog=128)
    except OSError as error:
        raise LabError(f"port {port} on {host} cannot be used: {error.strerror}") from error
    with listener:
        process = namespace.spawn(
            [sys.executable, "-m", "firewall.lab.relay_server", str(listener.fileno()), *words],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
        return Relay(host, listener.getsockname()[1], process)
