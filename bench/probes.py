"""Numbered datagrams from a phone, and when the kernel saw the first one beyond the gateway.

Not a stream with statistics (the lab has that). The rule to keep: arrival is the kernel's own
time stamp at the far end's interface, so a busy receiver delays nothing.
"""

import socket
import struct
from contextlib import suppress

from bench.namespaces import inside

PORT = 8002
"""The lab's internet leaves it to programs of our own."""
TARGET = "198.51.100.9"
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_TIMESPEC = struct.Struct("@qq")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)


class FarEnd:
    """Where probes arrive: a socket in the lab's internet."""

    def __init__(self, namespace: str) -> None:
        self._socket = inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
        self._socket.bind(("0.0.0.0", PORT))  # noqa: S104 - the lab's internet is every address
        self._socket.settimeout(0)

    def arrivals(self) -> list[tuple[int, bytes]]:
        """Return and forget what has arrived: wall-clock ns and payload, in order."""
        found = []
        with suppress(BlockingIOError):
            while True:
                payload, control, _, _ = self._socket.recvmsg(64, _ROOM)
                seconds, nanoseconds = _TIMESPEC.unpack(control[0][2][: _TIMESPEC.size])
                found.append((seconds * 1_000_000_000 + nanoseconds, payload))
        return found

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Probe:
    """Sends datagrams from one phone; what the gate answers to them is not looked at."""

    def __init__(self, namespace: str, payload: bytes = b"probe") -> None:
        self._socket = inside(namespace, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._payload = payload

    def __call__(self) -> None:
        """Send one."""
        self._socket.sendto(self._payload, (TARGET, PORT))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
