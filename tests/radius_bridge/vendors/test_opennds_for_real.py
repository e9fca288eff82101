"""Debian's openNDS lets in a phone that our answer leads back, at both levels."""

from dataclasses import replace

import pytest

from firewall.lab.phone import Phone
from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import PortalSettings, Redirected
from radius_bridge.vendors.registry import family_of
from tests.peers.opennds import BROWSER, FAS_KEY, GATEWAY, guest_of_opennds, sent_to
from tests.radius_bridge.vendors.devices import TOKEN

OPENNDS = family_of(FamilyName.OPENNDS)
SETTINGS = PortalSettings((GATEWAY,), Secret(FAS_KEY))
OTHER_KEY = PortalSettings((GATEWAY,), Secret(b"0987654321"))
WELCOME = "http://203.0.113.80/status"

pytestmark = pytest.mark.root


def read(phone: Phone, level: int) -> Redirected:
    url = sent_to(phone)
    assert url is not None
    visitor = OPENNDS.read_redirect(url, replace(SETTINGS, in_clear=level == 1))
    assert isinstance(visitor, Redirected), (url, visitor)
    return visitor


def follow(phone: Phone, url: str) -> str | None:
    return phone.http(url, timeout_s=20, headers=BROWSER).header("Location")


@pytest.mark.parametrize("level", [1, 2])
def test_it_lets_in_whom_we_lead_back_and_out_whom_we_lead_out(level: int) -> None:
    with guest_of_opennds(level) as phone:
        visitor = read(phone, level)
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
