"""Fortinet, as the FortiAP 7.4 guide and PacketFence's FortiGate.pm have it."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from portal.domain import login_token
from portal.domain.identity import MacAddress
from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import (
    DynamicKind,
    DynamicVerb,
    LoginToken,
    NotBelieved,
    PortalSettings,
    Redirected,
)
from radius_bridge.vendors.fortinet import FORM_MAX_CHARACTERS, MAGIC_MAX_CHARACTERS
from radius_bridge.vendors.registry import family_of
from radius_bridge.vendors.ruckus import PASSWORD_MAX_CHARACTERS
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import CLASS, ENDS, GRANT, PHONE, PORTAL, WELCOME

FORTINET = family_of(FamilyName.FORTINET)
SETTINGS = PortalSettings(("192.0.2.40",))
MAC = "3c:5a:b4:01:02:03"
REDIRECT = f"https://wifi.example.org/?login&post=http://192.0.2.40:1000/fgtauth&usermac={MAC}"


def test_a_group_holds_the_policies() -> None:
    lines = lines_of(FORTINET.grant(replace(GRANT, role="guests"), PHONE))
    assert lines == [*ENDS, *CLASS, "Fortinet-Group-Name = guests"]
    assert FORTINET.to_portal(PORTAL, PHONE) is None


def test_a_disconnect_names_session_user_and_address() -> None:
    message = FORTINET.dynamic(DynamicVerb.EXPEL, None, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert lines_of(message) == [
        "Acct-Session-Id = 655f0a1b00000001",
        "User-Name = 3C-5A-B4-01-02-03",
        "Framed-IP-Address = 10.1.0.50",
    ]
    assert FORTINET.dynamic(DynamicVerb.ADMIT, GRANT, PHONE) is None


def test_the_longest_magic_and_our_longest_login_fit_the_form() -> None:
    """The whole body, encoded, has at most 125 characters; Ruckus takes 31 of a password."""
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    random = b"\xff" * login_token.RANDOM_BYTES
    login = login_token.issue(b"key", MacAddress(MAC), "main-library", noon, random)
    password = login.password.reveal()
    octets = password.encode() if isinstance(password, str) else password
    token = LoginToken(login.user_name, Secret(octets))
    url = f"{REDIRECT}&magic={'a' * MAGIC_MAX_CHARACTERS}"
    visitor = FORTINET.read_redirect(url, SETTINGS)
    assert isinstance(visitor, Redirected)
    back = FORTINET.way_back(visitor, token, SETTINGS, WELCOME)
    assert back is not None
    assert len(urlencode(list(back.fields))) <= FORM_MAX_CHARACTERS
    assert len(octets) <= PASSWORD_MAX_CHARACTERS


@pytest.mark.parametrize("magic", ["", "xyz", "0a 0b", "a" * (MAGIC_MAX_CHARACTERS + 1)])
def test_what_is_no_magic_is_not_believed(magic: str) -> None:
    assert FORTINET.read_redirect(f"{REDIRECT}&magic={magic}", SETTINGS) is NotBelieved.MALFORMED


def test_only_the_form_of_the_fortigate_is_posted_to() -> None:
    url = f"{REDIRECT}&magic=0a0b"
    for old, new in (("/fgtauth", "/logout"), (":1000", ":80"), (":1000", "")):
        assert FORTINET.read_redirect(url.replace(old, new), SETTINGS) is NotBelieved.STRANGE_HOST
