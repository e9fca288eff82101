"""Exchanges with AireOS and the Catalyst 9800.

As PacketFence's Cisco_WLC_AireOS.pm and Cisco's documents 115732, 213920 and 217457 have them.
"""

from dataclasses import replace

import pytest

from radius_bridge.access import ToPortal
from radius_bridge.clients import FamilyName
from radius_bridge.vendors.cisco import URL_MAX_OCTETS, Cisco
from radius_bridge.vendors.family import (
    DynamicKind,
    DynamicVerb,
    NotBelieved,
    PortalSettings,
    Redirected,
)
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import (
    CLASS,
    ENDS,
    GRANT,
    PHONE,
    PORTAL,
    TOKEN,
    WELCOME,
)

CISCO = family_of(FamilyName.CISCO)
KNOWN = PHONE._replace(audit_session_id=b"0A0000010000002C5F3B")
VIRTUAL = PortalSettings(hosts=("192.0.2.1",))
FORM = (
    "https://wifi.example.org/login?switch_url=https://192.0.2.1/login.html"
    "&ap_mac=00:11:22:33:44:50&client_mac=3c:5a:b4:01:02:03&wlan=Library"
    "&redirect=neverssl.example/"
)
REAUTHENTICATE = [
    "Calling-Station-Id = 3C-5A-B4-01-02-03",
    "NAS-IP-Address = 192.0.2.10",
    "Cisco-AVPair = audit-session-id=0A0000010000002C5F3B",
    "Cisco-AVPair = subscriber:command=reauthenticate",
    "Cisco-AVPair = subscriber:reauthenticate-type=last",
]


def test_a_stranger_is_accepted_with_a_redirect_that_ends_in_a_question_mark() -> None:
    """The controller appends ``&redirect_url=`` whatever stands there."""
    assert lines_of(CISCO.to_portal(PORTAL, KNOWN)) == [
        "Session-Timeout = 1800",
        "Termination-Action = 1",
        "Cisco-AVPair = url-redirect-acl=ACL_WEBAUTH_REDIRECT",
        "Cisco-AVPair = url-redirect=https://wifi.example.org/cwa/Wm9l?",
    ]
    named = ToPortal("https://wifi.example.org/cwa/Wm9l", role="GUEST_REDIRECT")
    assert lines_of(CISCO.to_portal(named, KNOWN))[2:] == [
        "Cisco-AVPair = url-redirect-acl=GUEST_REDIRECT",
        "Cisco-AVPair = url-redirect=https://wifi.example.org/cwa/Wm9l?",
    ]


def test_an_address_that_does_not_fit_is_a_reject_and_no_half_address() -> None:
    longest = PORTAL.url[:-1] + "m" * (URL_MAX_OCTETS - len(PORTAL.url)) + "?"
    assert lines_of(CISCO.to_portal(ToPortal(longest), KNOWN))[-1].endswith("m?")
    assert CISCO.to_portal(ToPortal("m" + longest), KNOWN) is None


def test_after_the_login_the_controller_is_made_to_ask_again() -> None:
    message = CISCO.dynamic(DynamicVerb.ADMIT, GRANT, KNOWN)
    assert message is not None
    assert message.kind is DynamicKind.CHANGE
    assert lines_of(message) == REAUTHENTICATE
    assert lines_of(CISCO.dynamic(DynamicVerb.CHANGE, GRANT, KNOWN)) == REAUTHENTICATE


def test_then_it_is_answered_without_a_redirect() -> None:
    lines = lines_of(CISCO.grant(replace(GRANT, role="GUEST_ONLY"), KNOWN))
    assert lines[: len(ENDS) + 2] == [*ENDS, *CLASS, "Airespace-ACL-Name = GUEST_ONLY"]
    assert not [one for one in lines if "redirect" in one]


def test_bandwidth_is_in_kbit_down_and_up_for_data_and_real_time() -> None:
    lines = lines_of(CISCO.grant(GRANT, KNOWN))[len(ENDS) + 1 :]
    assert len(lines) == 8
    assert {one.endswith(" = 2000") for one in lines if "-Upstream" in one} == {True}
    assert {one.endswith(" = 8000") for one in lines if "-Upstream" not in one} == {True}


def test_without_the_controllers_key_nothing_can_be_said() -> None:
    assert CISCO.dynamic(DynamicVerb.ADMIT, GRANT, PHONE) is None


def test_out_without_a_service_type_unless_the_controller_is_old() -> None:
    """RFC 5176 section 3.2 forbids Service-Type in a Disconnect; some AireOS want it."""
    out = lines_of(CISCO.dynamic(DynamicVerb.EXPEL, None, KNOWN))
    assert out == REAUTHENTICATE[:3]
    old = Cisco(is_login_in_disconnect=True)
    assert lines_of(old.dynamic(DynamicVerb.EXPEL, None, KNOWN)) == [*out, "Service-Type = 1"]


def test_the_form_goes_back_to_the_controller() -> None:
    visitor = CISCO.read_redirect(FORM, VIRTUAL)
    assert isinstance(visitor, Redirected)
    assert visitor.mac == "3c:5a:b4:01:02:03"
    back = CISCO.way_back(visitor, TOKEN, VIRTUAL, WELCOME)
    assert back is not None
    assert (back.method, back.url) == ("POST", "https://192.0.2.1/login.html")
    assert dict(back.fields) == {
        "username": "kvar-0k3jR9",
        "password": "abcdefghijklmnopqrstuv",
        "buttonClicked": "4",
        "err_flag": "0",
        "redirect_url": WELCOME,
    }


@pytest.mark.parametrize(
    ("status", "online", "failed"), [("1", True, False), ("5", False, True), ("3", False, False)]
)
def test_the_9800_says_how_the_last_login_went(status: str, online: bool, failed: bool) -> None:
    visitor = CISCO.read_redirect(f"{FORM}&statusCode={status}", VIRTUAL)
    assert isinstance(visitor, Redirected)
    assert (visitor.online, visitor.failed) == (online, failed)


@pytest.mark.parametrize("path", ["/logout.html", "/login.html/x", "/screens/base/login.html", ""])
def test_only_the_controllers_form_is_posted_to(path: str) -> None:
    url = FORM.replace("192.0.2.1/login.html", f"192.0.2.1{path}")
    assert CISCO.read_redirect(url, VIRTUAL) is NotBelieved.STRANGE_HOST


def test_the_return_from_central_web_authentication_is_our_own_address() -> None:
    url = "https://wifi.example.org/cwa/Wm9l?&redirect_url=http://neverssl.example/"
    assert CISCO.read_redirect(url, VIRTUAL) is None
    assert CISCO.way_back(Redirected("3c:5a:b4:01:02:03"), TOKEN, VIRTUAL, WELCOME) is None


def test_an_address_with_more_to_it_than_the_form_is_not_believed() -> None:
    url = FORM.replace("login.html", "login.html%3Fa%3D1")
    assert CISCO.read_redirect(url, VIRTUAL) is NotBelieved.MALFORMED
