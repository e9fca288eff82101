"""Meraki, as its "Captive Portal API" and PacketFence's Meraki/MR_v2.pm have it."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from radius_bridge.clients import FamilyName
from radius_bridge.vendors.family import (
    DynamicKind,
    DynamicVerb,
    NotBelieved,
    PortalSettings,
    Redirected,
)
from radius_bridge.vendors.meraki import Meraki
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import CLASS, ENDS, GRANT, PHONE, PORTAL, TOKEN, WELCOME

MERAKI = family_of(FamilyName.MERAKI)
KNOWN = PHONE._replace(audit_session_id=b"0A0000010000002C5F3B")
SETTINGS = PortalSettings(("*.network-auth.com",))
CLICK = (
    "https://wifi.example.org/?base_grant_url=https%3A%2F%2Fn143.network-auth.com%2Fsplash%2Fgrant"
    "&user_continue_url=http%3A%2F%2Fx%2F&node_mac=00%3A18%3A0a%3A13%3Add%3Ab0"
    "&client_ip=10.1.0.50&client_mac=3c%3A5a%3Ab4%3A01%3A02%3A03"
)
SIGN_ON = "https://wifi.example.org/?login_url={}&client_mac=3c%3A5a%3Ab4%3A01%3A02%3A03"


def test_a_group_policy_stands_where_the_dashboard_looks() -> None:
    grant = replace(GRANT, role="guests")
    assert lines_of(MERAKI.grant(grant, PHONE)) == [*ENDS, *CLASS, "Filter-Id = guests"]
    other = Meraki(role_attribute="Airespace-ACL-Name")
    assert lines_of(other.grant(grant, PHONE))[-1] == "Airespace-ACL-Name = guests"


def test_an_access_point_that_follows_a_coa_gets_a_redirect_a_splash_page_a_reject() -> None:
    assert MERAKI.to_portal(PORTAL, PHONE) is None
    assert lines_of(MERAKI.to_portal(PORTAL, KNOWN))[-1] == (
        "Cisco-AVPair = url-redirect=https://wifi.example.org/cwa/Wm9l?"
    )


def test_a_device_is_let_in_by_asking_again_and_put_out_by_disconnect() -> None:
    message = MERAKI.dynamic(DynamicVerb.ADMIT, GRANT, KNOWN)
    assert message is not None
    assert message.kind is DynamicKind.CHANGE
    assert "Cisco-AVPair = subscriber:command=reauthenticate" in lines_of(message)
    assert lines_of(MERAKI.dynamic(DynamicVerb.EXPEL, None, KNOWN)) == [
        "Calling-Station-Id = 3C-5A-B4-01-02-03",
        "NAS-IP-Address = 192.0.2.10",
        "Cisco-AVPair = audit-session-id=0A0000010000002C5F3B",
    ]


def test_a_click_through_is_refused_because_anybody_can_write_its_address() -> None:
    assert MERAKI.read_redirect(CLICK, SETTINGS) is NotBelieved.UNPROTECTED


@pytest.mark.parametrize(
    "login_url",
    [
        "https://n143.network-auth.com.evil.example/splash/login?mauth=MM",
        "https://evil.example/splash/login?mauth=MM&x=n143.network-auth.com",
        "http://n143.network-auth.com/splash/login?mauth=MM",
        "https://n143.network-auth.com/splash/grant?mauth=MM",
        "https://n143.network-auth.com:8443/splash/login",
    ],
)
def test_a_forged_login_address_is_refused(login_url: str) -> None:
    url = SIGN_ON.format(quote(login_url, safe=""))
    assert MERAKI.read_redirect(url, SETTINGS) is NotBelieved.STRANGE_HOST


def test_a_failed_login_comes_back_with_a_message() -> None:
    login = quote("https://n143.network-auth.com/splash/login?mauth=MM", safe="")
    visitor = MERAKI.read_redirect(SIGN_ON.format(login) + "&error_message=denied", SETTINGS)
    assert isinstance(visitor, Redirected)
    assert visitor.failed


def test_who_came_by_a_redirect_of_ours_needs_no_form() -> None:
    visitor = Redirected("3c:5a:b4:01:02:03")
    assert MERAKI.way_back(visitor, TOKEN, SETTINGS, WELCOME) is None
