"""Aruba, as PacketFence's Aruba.pm and Aruba/Instant.pm have it."""

from dataclasses import replace

import pytest

from radius_bridge.access import ToPortal
from radius_bridge.clients import FamilyName
from radius_bridge.vendors.family import (
    DynamicKind,
    DynamicVerb,
    NotBelieved,
    PortalSettings,
    Redirected,
)
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import CLASS, ENDS, GRANT, PHONE, PORTAL, TOKEN, WELCOME

CONTROLLER = family_of(FamilyName.ARUBA)
INSTANT = family_of(FamilyName.ARUBA_INSTANT)
ROLE = replace(GRANT, role="guest-in")
BARE = ["Calling-Station-Id = 3c5ab4010203", "User-Name = 3c5ab4010203"]
DASHED = ["Calling-Station-Id = 3C-5A-B4-01-02-03"]
NAS = ["NAS-IP-Address = 192.0.2.10"]


def test_a_role_holds_the_bandwidth() -> None:
    role = "Aruba-User-Role = guest-in"
    assert lines_of(CONTROLLER.grant(ROLE, PHONE)) == [*ENDS, *CLASS, role]


def test_a_stranger_gets_the_role_that_redirects_or_a_reject() -> None:
    assert CONTROLLER.to_portal(PORTAL, PHONE) is None
    decision = ToPortal(PORTAL.url, role="guest-portal", vlan="99")
    lines = lines_of(CONTROLLER.to_portal(decision, PHONE))
    assert lines[2:4] == ["Aruba-User-Role = guest-portal", "Tunnel-Type = 13"]


@pytest.mark.parametrize(
    ("name", "keys"), [(FamilyName.ARUBA, DASHED), (FamilyName.ARUBA_INSTANT, BARE)]
)
def test_a_controller_and_instant_find_a_device_by_other_keys(
    name: FamilyName, keys: list[str]
) -> None:
    """And never by Acct-Session-Id, which current controllers refuse."""
    family = family_of(name)
    for verb in (DynamicVerb.ADMIT, DynamicVerb.CHANGE):
        message = family.dynamic(verb, ROLE, PHONE)
        assert message is not None
        assert message.kind is DynamicKind.CHANGE
        until = ENDS if verb is DynamicVerb.CHANGE else []
        assert lines_of(message) == [*keys, *NAS, "Filter-Id = guest-in", *until]
    out = family.dynamic(DynamicVerb.EXPEL, None, PHONE)
    assert out is not None
    assert out.kind is DynamicKind.DISCONNECT
    assert lines_of(out) == [*keys, *NAS]


def test_without_a_role_who_comes_in_comes_again_and_a_change_cannot_be_told() -> None:
    message = CONTROLLER.dynamic(DynamicVerb.ADMIT, GRANT, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert CONTROLLER.dynamic(DynamicVerb.CHANGE, GRANT, PHONE) is None


def test_an_access_point_that_names_no_host_has_the_usual_name() -> None:
    settings = PortalSettings(("securelogin.arubanetworks.com",))
    url = "https://wifi.example.org/?cmd=login&mac=3c:5a:b4:01:02:03&ip=10.1.0.50"
    visitor = INSTANT.read_redirect(url, settings)
    assert isinstance(visitor, Redirected)
    back = INSTANT.way_back(visitor, TOKEN, settings, WELCOME)
    assert back is not None
    assert back.url == "https://securelogin.arubanetworks.com/cgi-bin/login"


def test_an_older_controller_names_its_own_form() -> None:
    settings = PortalSettings(("192.0.2.20",))
    url = "https://wifi.example.org/?cmd=login&mac=3c:5a:b4:01:02:03&switchip=https://192.0.2.20"
    assert isinstance(CONTROLLER.read_redirect(f"{url}/auth/index.html/u", settings), Redirected)
    strange = CONTROLLER.read_redirect(f"{url}/auth/other", settings)
    assert strange is NotBelieved.STRANGE_HOST
    assert CONTROLLER.read_redirect(f"{url}/swarm.cgi?a=1", settings) is NotBelieved.MALFORMED


def test_who_came_by_the_roles_own_address_needs_no_form() -> None:
    visitor = Redirected("3c:5a:b4:01:02:03")
    assert CONTROLLER.way_back(visitor, TOKEN, PortalSettings(), WELCOME) is None
