"""openNDS 9.10.0: its pairs and its hash; fas-hid.php, fas-aes.php."""

import base64
import hashlib
from dataclasses import replace
from urllib.parse import quote

import pytest

from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import DynamicVerb, NotBelieved, PortalSettings, Redirected
from radius_bridge.vendors.opennds_authmon import gateway_hash
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.devices import GRANT, PHONE, TOKEN, WELCOME

OPENNDS = family_of(FamilyName.OPENNDS)
ENCIPHERED = PortalSettings(("10.2.0.1",), Secret(b"1234567890"))
SETTINGS = replace(ENCIPHERED, in_clear=True)
HID = hashlib.sha256(b"x").hexdigest()
WRITTEN_NAME = "Annex%20Node%3a0a1b2c3d4e5f%20"
PAIRS = f"hid={HID}, clientip=10.2.0.50, clientmac=3c:5a:b4:01:02:03, gatewayaddress=10.2.0.1:2050"


def url_of(pairs: str, more: str = "") -> str:
    fas = base64.b64encode(pairs.encode()).decode()
    return f"http://wifi.example.org/ap/nds?fas={quote(fas)}{more}"


def test_there_is_no_radius() -> None:
    for verb in DynamicVerb:
        assert OPENNDS.dynamic(verb, GRANT, PHONE) is None


@pytest.mark.parametrize(
    "rubbish",
    [
        ", gatewaymac=, originurl=, themespec=(null), (null)(null)(null)",
        ", , =, ==, clientif=br-lan  ",
        ", clientmac=aa:aa:aa:aa:aa:aa",
        "\x00\x07\ufffd",
    ],
)
def test_empty_values_and_trailing_rubbish_do_no_harm(rubbish: str) -> None:
    visitor = OPENNDS.read_redirect(url_of(f"originurl=, {PAIRS}, x={rubbish}"), SETTINGS)
    assert isinstance(visitor, Redirected)
    assert (visitor.mac, visitor.ip, visitor.original_url) == ("3c:5a:b4:01:02:03", "10.2.0.50", "")


def test_a_changed_hid_gets_an_answer_that_the_gateway_does_not_know() -> None:
    """The gateway alone knows which hid is whose; a wrong tok only brings the redirect again."""
    answers = set()
    for hid in (HID, HID[::-1]):
        visitor = OPENNDS.read_redirect(url_of(PAIRS.replace(HID, hid)), SETTINGS)
        assert isinstance(visitor, Redirected)
        back = OPENNDS.way_back(visitor, TOKEN, SETTINGS, WELCOME)
        assert back is not None
        answers.add(back.url)
    assert len(answers) == 2
    for wrong in (HID[:-1], HID.upper(), "", "x" * 64):
        url = url_of(PAIRS.replace(HID, wrong))
        assert OPENNDS.read_redirect(url, SETTINGS) is NotBelieved.MALFORMED


def test_without_a_key_there_is_no_way_back() -> None:
    keyless = PortalSettings(SETTINGS.hosts)
    assert OPENNDS.read_redirect(url_of(PAIRS), keyless) is NotBelieved.BAD_SIGNATURE
    visitor = OPENNDS.read_redirect(url_of(PAIRS), SETTINGS)
    assert isinstance(visitor, Redirected)
    assert OPENNDS.way_back(visitor, TOKEN, keyless, WELCOME) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://x/?fas=%25",
        "http://x/?fas=",
        "http://x/?fas=%C3%A5",
        url_of(PAIRS, "&iv=0a1b2c3d4e5f6071"),
        url_of(base64.b64encode(b"0" * 16).decode(), "&iv=short"),
        url_of(base64.b64encode(b"0" * 16).decode(), "&iv=%C3%A5"),
        url_of(base64.b64encode(b"0" * 16).decode(), "&iv=0a1b2c3d4e5f6071"),
        url_of(base64.b64encode(b"0" * 15).decode(), "&iv=0a1b2c3d4e5f6071"),
        url_of("", "&iv=0a1b2c3d4e5f6071"),
    ],
)
def test_what_is_not_written_with_the_key_is_not_believed(url: str) -> None:
    assert OPENNDS.read_redirect(url, SETTINGS) is NotBelieved.MALFORMED


def test_a_plus_that_became_a_space_is_a_plus() -> None:
    url = url_of(f"{PAIRS}, x=>>>~~~???")
    assert "%2B" in url
    assert isinstance(OPENNDS.read_redirect(url.replace("%2B", "+"), SETTINGS), Redirected)


def test_a_redirect_in_clear_is_not_believed_of_a_gateway_that_enciphers() -> None:
    """Whoever sees an own one could write another device's address into it."""
    assert OPENNDS.read_redirect(url_of(PAIRS), ENCIPHERED) is NotBelieved.BAD_SIGNATURE
    assert isinstance(OPENNDS.read_redirect(url_of(PAIRS), SETTINGS), Redirected)


ASKS = replace(SETTINGS, gateways=frozenset({gateway_hash("Annex Node:0a1b2c3d4e5f ")}))


def test_a_gateway_that_asks_is_known_by_its_name_and_the_browser_carries_nothing() -> None:
    visitor = OPENNDS.read_redirect(url_of(f"{PAIRS}, gatewayname={WRITTEN_NAME}"), ASKS)
    assert isinstance(visitor, Redirected)
    assert {visitor.parameters["gateway"]} == ASKS.gateways
    assert OPENNDS.way_back(visitor, TOKEN, ASKS, WELCOME) is None
    assert OPENNDS.way_out(visitor.parameters) == "http://10.2.0.1:2050/opennds_deny/"


@pytest.mark.parametrize(
    "pairs",
    [
        PAIRS,
        f"{PAIRS}, gatewayname=",
        f"{PAIRS}, gatewayname=Other%20Node%3a0a1b2c3d4e5f%20",
        f"{PAIRS}, gatewayname=Annex Node:0a1b2c3d4e5f ",
        f"gatewayname=x, {PAIRS}, gatewayname={WRITTEN_NAME}",
    ],
)
def test_a_gateway_of_another_name_is_strange(pairs: str) -> None:
    assert OPENNDS.read_redirect(url_of(pairs), ASKS) is NotBelieved.STRANGE_HOST
