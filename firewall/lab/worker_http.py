"""A phone's HTTP client: one request a connection, the answer as it came off the wire.

Not a browser: no redirects, no cookies, no decompression. Only the chunked coding is taken off.
"""

from __future__ import annotations

import base64
import dataclasses
import errno
import socket
import ssl
import time
import urllib.parse
from typing import Any

from firewall.lab.worker_sockets import look_up, open_socket, outcome

BODY_LIMIT = 1 << 26
NO_BODY = frozenset({204, 304})


class MalformedAnswerError(Exception):
    """The peer's bytes are no HTTP answer, or stop too early."""


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What `Phone.http` asks for; `body` is Base64."""

    url: str
    method: str
    headers: list[tuple[str, str]]
    version: str
    body: str
    family: int | None
    address: str | None
    host: str | None
    verify: bool
    timeout_s: float

    def encode(self) -> bytes:
        """The request as it goes on the wire."""
        parts = urllib.parse.urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2] if self.host == "" else self.host
        raw = base64.b64decode(self.body)
        lines = _header_lines(self.headers, host, len(raw))
        head = "\r\n".join([f"{self.method} {target} HTTP/{self.version}", *lines, "", ""])
        return head.encode("latin-1") + raw


class Client:
    """Makes requests, trusting one certificate authority."""

    def __init__(self, trusted: str) -> None:
        self._trusted = trusted
        self._contexts: dict[bool, ssl.SSLContext] = {}

    def request(self, **arguments: Any) -> dict[str, Any]:
        """One exchange, as `Phone.http` describes it."""
        request, started = Request(**arguments), time.monotonic()
        name = urllib.parse.urlsplit(request.url).hostname or ""
        peer = request.address or look_up(name, request.family)
        if peer is None:
            return _failed("dns", started)
        try:
            answer = self._exchange(request, name, peer)
        except ssl.SSLError as error:
            return _failed("tls", started, peer, str(error))
        except OSError as error:
            return _failed(outcome(error), started, peer, str(error))
        except MalformedAnswerError as error:
            return _failed("malformed", started, peer, str(error))
        return {**answer, "peer": peer, "elapsed_s": time.monotonic() - started}

    def _exchange(self, request: Request, name: str, peer: str) -> dict[str, Any]:
        parts = urllib.parse.urlsplit(request.url)
        secure = parts.scheme == "https"
        with open_socket(peer, socket.SOCK_STREAM, request.timeout_s) as connection:
            connection.connect((peer, parts.port or (443 if secure else 80)))
            wire = self._secured(connection, name, request.verify) if secure else connection
            with wire:
                wire.sendall(request.encode())
                return _read(wire, request.method)

    def _secured(self, connection: socket.socket, name: str, verify: bool) -> ssl.SSLSocket:
        if verify not in self._contexts:
            context = ssl.create_default_context(cafile=self._trusted)
            if not verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._contexts[verify] = context
        return self._contexts[verify].wrap_socket(connection, server_hostname=name)


def _header_lines(headers: list[tuple[str, str]], host: str | None, length: int) -> list[str]:
    names = {name.lower() for name, _ in headers}
    lines = [f"Host: {host}"] if host is not None and "host" not in names else []
    lines += [f"{name}: {value}" for name, value in headers]
    if length and "content-length" not in names:
        lines.append(f"Content-Length: {length}")
    if "connection" not in names:
        lines.append("Connection: close")
    return lines


def _failed(word: str, started: float, peer: str = "", detail: str = "") -> dict[str, Any]:
    return {
        "status": 0,
        "reason": "",
        "version": "",
        "headers": [],
        "body": "",
        "peer": peer,
        "elapsed_s": time.monotonic() - started,
        "failure": word,
        "detail": detail,
    }


def _read(wire: socket.socket, method: str) -> dict[str, Any]:
    with wire.makefile("rb") as stream:
        try:
            return _parse(stream, method)
        except ValueError as error:
            raise MalformedAnswerError(str(error)) from error


def _parse(stream: Any, method: str) -> dict[str, Any]:
    head = stream.readline().decode("latin-1").rstrip("\r\n")
    if not head:
        raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
    version, _, rest = head.partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/") or not code.isdigit():
        raise MalformedAnswerError(f"first line {head!r}")
    headers = []
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    bodiless = method == "HEAD" or int(code) in NO_BODY
    body = b"" if bodiless else _body(stream, {n.lower(): v for n, v in headers})
    return {
        "status": int(code),
        "reason": reason,
        "version": version.removeprefix("HTTP/"),
        "headers": headers,
        "body": base64.b64encode(body).decode("ascii"),
    }


def _body(stream: Any, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(_chunks(stream))
    if "content-length" not in headers:
        return bytes(stream.read(BODY_LIMIT))
    length = int(headers["content-length"])
    body = bytes(stream.read(length))
    if len(body) < length:
        raise MalformedAnswerError(f"body of {len(body)} bytes, {length} announced")
    return body


def _chunks(stream: Any) -> list[bytes]:
    chunks = []
    while size := int(stream.readline().split(b";")[0], 16):
        chunks.append(bytes(stream.read(size)))
        stream.readline()
    return chunks
