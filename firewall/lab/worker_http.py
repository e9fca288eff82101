"""A phone's HTTP client: one request a connection, the answer as it came off the wire.

Not a browser: no redirects, no cookies, no decompression. Only the chunked coding is taken off.
"""

from __future__ import annotations

import base64
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


class Client:
    """Makes requests, trusting one certificate authority."""

    def __init__(self, trusted: str) -> None:
        self._trusted = trusted
        self._contexts: dict[bool, ssl.SSLContext] = {}

    def request(
        self,
        url: str,
        method: str,
        headers: list[tuple[str, str]],
        version: str,
        body: str,
        family: int | None,
        address: str | None,
        host: str | None,
        verify: bool,
        timeout_s: float,
    ) -> dict[str, Any]:
        """One exchange, as `Phone.http` describes it."""
        started = time.monotonic()
        parts = urllib.parse.urlsplit(url)
        name = parts.hostname or ""
        peer = address or look_up(name, family)
        if peer is None:
            return _failed("dns", started)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if host == "":
            host = parts.netloc.rpartition("@")[2]
        raw = base64.b64decode(body)
        lines = [f"{method} {target} HTTP/{version}", *_header_lines(headers, host, len(raw))]
        message = "\r\n".join([*lines, "", ""]).encode("latin-1") + raw
        secure = parts.scheme == "https"
        try:
            with open_socket(peer, socket.SOCK_STREAM, timeout_s) as connection:
                connection.connect((peer, parts.port or (443 if secure else 80)))
                wire = self._secured(connection, name, verify) if secure else connection
                with wire:
                    wire.sendall(message)
                    answer = _read(wire, method)
        except ssl.SSLError as error:
            return _failed("tls", started, peer, str(error))
        except OSError as error:
            return _failed(outcome(error), started, peer, str(error))
        except MalformedAnswerError as error:
            return _failed("malformed", started, peer, str(error))
        return {**answer, "peer": peer, "elapsed_s": time.monotonic() - started}

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
        head = stream.readline().decode("latin-1").rstrip("\r\n")
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
