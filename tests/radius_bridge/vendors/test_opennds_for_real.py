"""Debian's openNDS lets in a phone that our answer leads back, at both levels."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qsl

import pytest

from firewall.lab.phone import Phone
from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import PortalSettings, Redirected
from radius_bridge.vendors.opennds_authmon import Poll, Wants, read_poll
from radius_bridge.vendors.registry import family_of
from tests.peers.opennds import BROWSER, FAS_KEY, GATEWAY, guest_of_opennds, sent_to
from tests.radius_bridge.vendors.devices import TOKEN

OPENNDS = family_of(FamilyName.OPENNDS)
SETTINGS = PortalSettings((GATEWAY,), Secret(FAS_KEY))
OTHER_KEY = PortalSettings((GATEWAY,), Secret(b"0987654321"))
HASH = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
WELCOME = "http://203.0.113.80/status"

pytestmark = pytest.mark.root


@contextmanager
def posts() -> Iterator[tuple[str, list[str]]]:
    """Listen, and keep the bodies that come."""
    bodies = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", bodies
        server.shutdown()
        thread.join()


def read(phone: Phone) -> Redirected:
    url = sent_to(phone)
    assert url is not None
    visitor = OPENNDS.read_redirect(url, SETTINGS)
    assert isinstance(visitor, Redirected), (url, visitor)
    return visitor


def follow(phone: Phone, url: str) -> str | None:
    return phone.http(url, timeout_s=20, headers=BROWSER).header("Location")


@pytest.mark.parametrize("level", [1, 2])
def test_it_lets_in_whom_we_lead_back_and_out_whom_we_lead_out(level: int) -> None:
    with guest_of_opennds(level) as phone:
        visitor = read(phone)
        assert visitor.mac == phone.mac
        assert visitor.original_url.startswith("http://captive.apple.com/")
        back = OPENNDS.way_back(visitor, TOKEN, SETTINGS, WELCOME)
        forged = OPENNDS.way_back(visitor, TOKEN, OTHER_KEY, WELCOME)
        out = OPENNDS.way_out(visitor.parameters)
        assert back is not None
        assert forged is not None
        assert out is not None

        follow(phone, forged.url)
        assert sent_to(phone) is not None

        assert follow(phone, back.url) == WELCOME
        assert sent_to(phone) is None

        follow(phone, out)
        assert sent_to(phone) is not None


@pytest.mark.parametrize(
    ("action", "payload", "poll"),
    [
        ("clear", "none", Poll(Wants.CLEAR, HASH)),
        ("view", "none", Poll(Wants.VIEW, HASH)),
        ("view", "*", Poll(Wants.VIEW, HASH, frozenset())),
        ("view", f"* {HASH}", Poll(Wants.VIEW, HASH, frozenset({HASH}))),
        ("custom", "anything", None),
    ],
)
def test_its_polls_are_read(action: str, payload: str, poll: Poll | None) -> None:
    """Its own post-request.php, as authmon.sh calls it."""
    with posts() as (url, bodies):
        program = ["php", "-f", "/usr/lib/opennds/post-request.php"]
        subprocess.run([*program, url, action, HASH, "openNDS(authmon)", payload], check=True)
    assert read_poll(dict(parse_qsl(bodies[0]))) == poll
