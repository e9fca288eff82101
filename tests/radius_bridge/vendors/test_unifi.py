"""UniFi: help.ui.com 31228198640023 and Art-of-WiFi/UniFi-API-client."""

from dataclasses import replace

import pytest
from hypothesis import given

from radius_bridge.access import Bandwidth
from radius_bridge.clients import FamilyName
from radius_bridge.vendors import unifi_api
from radius_bridge.vendors.family import DynamicKind, DynamicVerb, NotBelieved, PortalSettings
from radius_bridge.vendors.registry import family_of
from radius_bridge.vendors.unifi import UniFi
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import CLASS, ENDS, GRANT, PHONE, PLAIN_GRANT
from tests.radius_bridge.vendors.test_ruckus import JSON

UNIFI = family_of(FamilyName.UNIFI)
MAC = "3c:5a:b4:01:02:03"
SITE = "88f7af54-98f8-306a-a1c7-c9349722b1f6"
CLIENT = "b2e3f4a5-0000-4000-8000-3c5ab4010203"
REDIRECT = f"https://wifi.example.org/guest/s/{{}}/?ap=94:2a:6f:d0:30:57&id={MAC}&ssid={{}}"


def test_data_rates_have_64_bits() -> None:
    lines = ["UBNT-Data-Rate-DL = 8000000", "UBNT-Data-Rate-UL = 2000000"]
    assert lines_of(UNIFI.grant(GRANT, PHONE)) == [*ENDS, *CLASS, *lines]
    assert lines_of(UniFi(rate_unit_bit_s=1000).grant(GRANT, PHONE))[-1].endswith(" = 2000")


@pytest.mark.parametrize("verb", list(DynamicVerb))
def test_the_access_point_drops_a_device_that_comes_back_and_is_asked_about(
    verb: DynamicVerb,
) -> None:
    message = UNIFI.dynamic(verb, GRANT, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert lines_of(message) == [
        "Calling-Station-Id = 3C-5A-B4-01-02-03",
        "NAS-Identifier = lib-ap1",
    ]


@pytest.mark.parametrize(
    "url",
    [
        REDIRECT.format("../../../x", "L"),
        REDIRECT.format("", "L"),
        REDIRECT.format("default", "L" * 65),
        REDIRECT.format("default", "L").replace(MAC, "10.1.0.50"),
        REDIRECT.format("default", "L").replace("/guest/s/default/", "/"),
        f"https://wifi.example.org/?id={MAC}&ap={MAC}&x=/guest/s/default/",
    ],
)
def test_a_redirect_names_site_access_point_and_device(url: str) -> None:
    assert UNIFI.read_redirect(url, PortalSettings()) is NotBelieved.MALFORMED


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [(61, 2), (60, 1), (1, 1), (0, 1), (-5, 1), (10**9, 1_000_000)],
)
def test_what_is_left_is_rounded_up_to_minutes(seconds: int, minutes: int) -> None:
    grant = replace(PLAIN_GRANT, session_timeout_s=seconds)
    assert unifi_api.authorise(grant)["timeLimitMinutes"] == minutes
    assert unifi_api.classic_authorise(grant, MAC, MAC)["minutes"] == minutes


def test_the_official_interface_lets_in_and_out() -> None:
    assert unifi_api.sites_path() == "/proxy/network/integration/v1/sites"
    assert unifi_api.action_path(SITE, CLIENT).endswith(f"/sites/{SITE}/clients/{CLIENT}/actions")
    assert unifi_api.client_path(SITE, MAC).endswith(f"?filter=macAddress.eq('{MAC}')")
    assert unifi_api.authorise(GRANT) == {
        "action": "AUTHORIZE_GUEST_ACCESS",
        "timeLimitMinutes": 480,
        "rxRateLimitKbps": 2000,
        "txRateLimitKbps": 8000,
    }
    assert unifi_api.unauthorise() == {"action": "UNAUTHORIZE_GUEST_ACCESS"}


def test_limits_that_the_interface_cannot_hold_are_the_nearest_or_none() -> None:
    grant = replace(GRANT, bandwidth=Bandwidth(1, 10**9))
    assert unifi_api.authorise(grant) == {
        "action": "AUTHORIZE_GUEST_ACCESS",
        "timeLimitMinutes": 480,
        "rxRateLimitKbps": 2,
    }


def test_site_and_device_are_looked_up_first() -> None:
    sites = {"data": [{"id": SITE, "internalReference": "default", "name": "Library"}]}
    assert unifi_api.read_site(sites, "default") == SITE
    assert unifi_api.read_site(sites, "Library") is None
    clients = {"data": [{"id": CLIENT, "macAddress": "3C:5A:B4:01:02:03"}]}
    assert unifi_api.read_client(clients, MAC) == CLIENT
    assert unifi_api.read_client(clients, "3c:5a:b4:01:02:04") is None
    strange = {"data": [{"id": "../x", "macAddress": MAC}]}
    assert unifi_api.read_client(strange, MAC) is None


def test_the_classic_interface_says_itself_whether_it_did() -> None:
    assert unifi_api.classic_path("default") == "/api/s/default/cmd/stamgr"
    assert unifi_api.classic_client_path("default", MAC) == f"/api/s/default/stat/sta/{MAC}"
    assert unifi_api.classic_authorise(GRANT, MAC, "94:2a:6f:d0:30:57") == {
        "cmd": "authorize-guest",
        "mac": MAC,
        "minutes": 480,
        "up": 2000,
        "down": 8000,
        "ap_mac": "94:2a:6f:d0:30:57",
    }
    assert unifi_api.classic_unauthorise(MAC) == {"cmd": "unauthorize-guest", "mac": MAC}
    assert "up" not in unifi_api.classic_authorise(PLAIN_GRANT, MAC, MAC)
    known = {"meta": {"rc": "ok"}, "data": [{"mac": MAC}]}
    assert unifi_api.classic_knows(known, MAC)
    assert not unifi_api.classic_knows(known | {"data": []}, MAC)
    failed = {"meta": {"rc": "error", "msg": "api.err.UnknownStation"}, "data": [{"mac": MAC}]}
    assert not unifi_api.classic_knows(failed, MAC)


@given(JSON)
def test_every_answer_is_read(body: object) -> None:
    assert not unifi_api.classic_knows(body, MAC)
    assert unifi_api.read_client(body, MAC) is None
    assert unifi_api.read_site(body, "default") is None
    assert unifi_api.classic_succeeded({"data": body}) is False
