from __future__ import annotations

import contextlib
import http.client
import sys
import urllib.parse
from typing import TYPE_CHECKING

import pytest

from firewall.lab import relay_rewriting as rewriting
from firewall.lab.processes import LabError, stop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from firewall.lab.network import Lab

VISITOR, PORTAL = "http://localhost:8080", "https://login.library.example"

# A portal of ten lines: shows what it saw, redirects to itself, refuses a foreign Origin.
PORTAL_PROGRAM = """\
import http.server, ssl, sys
class Portal(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in (*headers, ("Content-Type", "text/html"),
                            ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        seen = f"{self.client_address[0]} {self.headers['Host']} {self.path} "
        link = "<a href='https://login.library.example/card'>"
        self.answer(200, (seen + link).encode(), ("Strict-Transport-Security", "max-age=1"))
    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        ok = self.headers["Origin"] == "https://login.library.example" and data == b"a=b"
        self.answer(303 if ok else 403, b"", ("Location", "https://login.library.example/status"))
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], 443), Portal)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
"""


def test_origins_are_exchanged_in_headers() -> None:
    sent = [("Host", "localhost:8080"), ("Origin", VISITOR), ("Referer", VISITOR + "/card")]
    assert rewriting.to_portal(sent, VISITOR, PORTAL) == [
        ("Origin", PORTAL),
        ("Referer", PORTAL + "/card"),
    ]
    received = [
        ("Location", "http://login.library.example/help"),
        ("Content-Security-Policy", "default-src 'self'; upgrade-insecure-requests; img-src x"),
        ("Strict-Transport-Security", "max-age=1"),
        ("Cache-Control", "no-store"),
    ]
    assert rewriting.to_visitor(received, VISITOR, PORTAL) == [
        ("Location", VISITOR + "/help"),
        ("Content-Security-Policy", "default-src 'self';  img-src x"),
        ("Cache-Control", "no-store"),
    ]


def test_only_the_portals_own_origin_is_exchanged_in_bodies() -> None:
    body = b"https://login.library.example/a https://login.library.example.org/ http://other/ \xff"
    changed = rewriting.body_to_visitor(body, "text/html", VISITOR, PORTAL)
    assert changed == (
        b"http://localhost:8080/a https://login.library.example.org/ http://other/ \xff"
    )
    assert rewriting.body_to_visitor(body, "image/png", VISITOR, PORTAL) == body


@pytest.fixture
def portal(open_lab: Lab) -> Iterator[subprocess.Popen[bytes]]:
    """A tiny portal on the gateway's guest address."""
    certificate = open_lab.portal_certificate
    process = open_lab.gateway.spawn(
        [
            sys.executable,
            "-c",
            PORTAL_PROGRAM,
            str(open_lab.sites[0].gateway_v4),
            str(certificate.chain),
            str(certificate.key),
        ],
        stdout=-1,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    stop(process)


def _ask(
    address: str, method: str, path: str, body: str | None = None
) -> tuple[int, dict[str, str], str]:
    place = urllib.parse.urlsplit(address)
    assert place.hostname
    with contextlib.closing(
        http.client.HTTPConnection(place.hostname, place.port, timeout=20)
    ) as connection:
        connection.request(method, path, body, {"Origin": address} if body else {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


@pytest.mark.root
@pytest.mark.usefixtures("portal")
def test_the_portal_sees_the_phone(open_lab: Lab) -> None:
    relay = open_lab.relay_portal(open_lab.phones[1], port=0)
    status, headers, text = _ask(relay.address, "GET", "/v/x?q=%2F")
    lease = open_lab.phones[1].lease
    assert lease is not None
    assert status == 200
    assert (
        text == f"{lease.address} login.library.example /v/x?q=%2F <a href='{relay.address}/card'>"
    )
    assert "Strict-Transport-Security" not in headers
    status, headers, _ = _ask(relay.address, "POST", "/card", "a=b")
    assert (status, headers["Location"]) == (303, f"{relay.address}/status")
    assert "<h1>Online</h1>" in _ask(relay.address, "GET", "/.lab/online")[2]
    assert "<h1>Online</h1>" in _ask(relay.address, "GET", "/.lab/somewhere")[2]
    relay.close()


@pytest.mark.root
def test_a_portal_that_is_down_is_said_to_be(open_lab: Lab) -> None:
    relay = open_lab.relay_portal(open_lab.phones[1], port=0)
    assert _ask(relay.address, "GET", "/")[0] == 502
    relay.close()


@pytest.mark.root
def test_bytes_reach_a_server_inside(open_lab: Lab) -> None:
    relay = open_lab.relay_tcp(open_lab.phones[0].namespace, ("neverssl.com", 80), port=0)
    status, _, text = _ask(relay.address, "GET", "/")
    assert (status, "ordinary page" in text) == (200, True)
    with pytest.raises(LabError, match="cannot be used"):
        open_lab.relay_tcp(open_lab.gateway, ("127.0.0.1", 1), port=relay.port)
    relay.close()
