"""A phone's browser, as thin as can be: one keep-alive HTTPS connection from its namespace.

Not a client for anything but our own pages: the answer's length is always known. The rule to
keep: what is timed is in ``post_and_watch``, and everything else happens before or after.
"""

import re
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.namespaces import inside

_HIDDEN_FIELD = r'action="{path}"[^>]*>\s*<input type="hidden" name="token" value="([^"]+)"'
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMEOUT_S = 10.0
BETWEEN_PROBES_S = 0.000_1


class PhoneError(Exception):
    """The portal did not answer as it should: the benchmark would measure something else."""


@dataclass(frozen=True, slots=True)
class Timed:
    """When a form was sent and when its answer had come, in ns of the wall clock."""

    sent_ns: int
    answered_ns: int
    status: int


class HttpsPhone:
    """``host`` is who the certificate must name; ``address`` where it is reached."""

    def __init__(self, namespace: str, address: str, host: str, authority: Path) -> None:
        self._host = host
        self._address = address
        self._namespace = namespace
        self._context = ssl.create_default_context(cafile=str(authority))
        self._connection = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def reconnect(self) -> None:
        """Hang up and connect anew, as after a pause longer than the server's patience."""
        self.close()
        self._connection = self._connect()

    def _connect(self) -> ssl.SSLSocket:
        plain = inside(self._namespace, lambda: socket.socket(socket.AF_INET))
        plain.settimeout(_TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.connect((self._address, 443))
        return self._context.wrap_socket(plain, server_hostname=self._host)

    def fileno(self) -> int:
        """Return the descriptor, for select."""
        return self._connection.fileno()

    def get(self, path: str) -> str:
        """Return a page. Raises PhoneError unless it is there."""
        self._connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        status, body = self._read_answer()
        if status != 200:
            raise PhoneError(f"GET {path}: {status}")
        return body.decode()

    def token(self, page: str, form: str) -> str:
        """Return the token of the form with this action, from a page fetched now."""
        found = re.search(_HIDDEN_FIELD.format(path=re.escape(form)), self.get(page))
        if found is None:
            raise PhoneError(f"{page} has no form {form}")
        return found[1]

    def encode_post(self, path: str, body: str) -> bytes:
        """Return a form as it goes over the wire."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return (head + body).encode()

    def send(self, request: bytes) -> int:
        """Send a request; return when, in ns of the wall clock."""
        sent_ns = time.time_ns()
        self._connection.sendall(request)
        return sent_ns

    def read_status(self) -> int:
        """Read one answer to its end; return its status."""
        return self._read_answer()[0]

    def post(self, path: str, body: str) -> None:
        """Send a form. Raises PhoneError unless the answer is the redirect that means success."""
        self.send(self.encode_post(path, body))
        status = self.read_status()
        if status != 303:
            raise PhoneError(f"POST {path}: {status}")

    def post_and_watch(self, request: bytes, probe: Callable[[], None]) -> Timed:
        """Send a form and probe about every 150 us until its answer has come."""
        sent_ns = self.send(request)
        while not select.select([self._connection], (), (), BETWEEN_PROBES_S)[0]:
            probe()
        status = self.read_status()
        return Timed(sent_ns, time.time_ns(), status)

    def _read_answer(self) -> tuple[int, bytes]:
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        length = _LENGTH.search(data[:end])
        whole = end + 4 + (int(length[1]) if length else 0)
        while len(data) < whole:
            data += self._receive()
        return int(data[9:12]), bytes(data[end + 4 : whole])

    def _receive(self) -> bytes:
        received = self._connection.recv(65536)
        if not received:
            raise PhoneError("the server hung up")
        return received
