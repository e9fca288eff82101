"""The portal's certificate has expired: who is online goes on, and a plain page explains it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portal.demo.world import World
from tests.faults.gateway import Gateway
from tests.lab.guest import SWEDISH, Guest, text_of

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
ECHO_HOST = "www.example.com"
EXPLANATION = "varnar för certifikatet"


@contextmanager
def expired(gateway: Gateway) -> Iterator[None]:
    """The portal's certificate is of last year, until it is renewed."""
    world = gateway.world
    file = world.config.portal.certificate_file
    good = file.read_bytes()
    last_year = dt.datetime.now(dt.UTC) - dt.timedelta(days=365)
    host = world.lab.settings.portal_host
    for chain in (
        world.lab.authority.issue_chain([host], last_year, valid=dt.timedelta(days=90)),
        good,
    ):
        file.write_bytes(chain)
        gateway.kill_and_wait("portal")
        if chain != good:
            yield


def test_an_expired_certificate(
    world: World, gateway: Gateway, online: Guest, stranger: Guest
) -> None:
    stream = online.phone.stream(ECHO_HOST)
    help_page = f"http://{world.lab.settings.portal_host}/help"
    with expired(gateway):
        for guest in (online, stranger):
            assert "certificate" in guest.phone.http(guest.origin + "/").detail
            answer = guest.phone.http(help_page, headers=SWEDISH)
            assert answer.status == 200
            assert EXPLANATION in text_of(answer)
        assert stranger.phone.http(PROBE_URL).status == 302
        assert online.phone.http(PROBE_URL).status == 200
    assert stream.stop().lost == 0
    assert not online.is_captive()
