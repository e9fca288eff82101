"""openNDS 9.10.0: its pairs, its hash, its polling; fas-hid.php, fas-aes-https.php, authmon.sh."""

import base64
import hashlib
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors import opennds_authmon
from radius_bridge.vendors.family import DynamicVerb, NotBelieved, PortalSettings, Redirected
from radius_bridge.vendors.opennds_authmon import Poll, Wants
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.devices import GRANT, PHONE, PLAIN_GRANT, TOKEN, WELCOME

OPENNDS = family_of(FamilyName.OPENNDS)
SETTINGS = PortalSettings(("10.2.0.1",), Secret(b"1234567890"))
HID = hashlib.sha256(b"x").hexdigest()
PAIRS = f"hid={HID}, clientip=10.2.0.50, clientmac=3c:5a:b4:01:02:03, gatewayaddress=10.2.0.1:2050"
GATEWAY = hashlib.sha256(b"Library Node").hexdigest()


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


def test_a_poll_clears_views_and_acknowledges() -> None:
    form = {"auth_get": "view", "gatewayhash": GATEWAY, "payload": "none"}
    assert opennds_authmon.gateway_hash(" Library Node\n") == GATEWAY
    assert opennds_authmon.read_poll(form) == Poll(Wants.VIEW, GATEWAY)
    assert opennds_authmon.read_poll(form | {"auth_get": "clear"}) == Poll(Wants.CLEAR, GATEWAY)
    let_in = Poll(Wants.VIEW, GATEWAY, frozenset({HID}))
    clear = f"* {HID} rubbish"
    for payload in (clear, base64.b64encode(clear.encode()).decode()):
        assert opennds_authmon.read_poll(form | {"payload": payload}) == let_in


@pytest.mark.parametrize("payload", ["none", "bm9uZQ==", ""])
def test_without_a_payload_it_asks_for_the_list(payload: str) -> None:
    form = {"auth_get": "view", "gatewayhash": GATEWAY, "payload": payload}
    assert opennds_authmon.read_poll(form) == Poll(Wants.VIEW, GATEWAY)


@pytest.mark.parametrize("payload", ["*", "Kg=="])
def test_it_says_so_when_it_has_let_in_nobody(payload: str) -> None:
    form = {"auth_get": "view", "gatewayhash": GATEWAY, "payload": payload}
    assert opennds_authmon.read_poll(form) == Poll(Wants.VIEW, GATEWAY, frozenset())


def test_who_left_is_told_by_address() -> None:
    """As binauth_log.sh writes it."""
    said = "method=timeout_deauth, clientmac=3c:5a:b4:01:02:03, bytes_incoming=1, custom="
    form = {"auth_get": "deauthed", "gatewayhash": GATEWAY}
    for words, left in ((said, "3c:5a:b4:01:02:03"), ("method=", None)):
        payload = base64.b64encode(words.encode()).decode()
        poll = opennds_authmon.read_poll(form | {"payload": payload})
        assert poll == Poll(Wants.DEAUTHED, GATEWAY, left=left)


@pytest.mark.parametrize(
    "change",
    [
        {"auth_get": "custom"},
        {"auth_get": ""},
        {"gatewayhash": "../../etc"},
        {"gatewayhash": GATEWAY.upper()},
        {"payload": "x" * 8193},
        {"payload": "no Base64"},
        {"payload": "\u00e5"},
    ],
)
def test_what_is_no_poll_gets_no_list(change: dict[str, str]) -> None:
    form = {"auth_get": "view", "gatewayhash": GATEWAY, "payload": "none"}
    assert opennds_authmon.read_poll(form | change) is None


def test_a_list_names_hash_minutes_and_rates() -> None:
    """As fas-aes-https.php writes it: rhid, minutes, kbit/s up and down, quotas, custom."""
    assert opennds_authmon.write_list([]) == "*"
    text = opennds_authmon.write_list(
        [(HID, GRANT), (HID, replace(PLAIN_GRANT, session_timeout_s=61))]
    )
    star, *entries = text.split(" ")
    assert star == "*"
    assert [unquote(entry) for entry in entries] == [
        f"{HID} 480 2000 8000 0 0 kvar",
        f"{HID} 2 0 0 0 0 kvar",
    ]


def test_authmon_reads_so_many_at_once() -> None:
    text = opennds_authmon.write_list([(HID, GRANT)] * 9)
    assert len(text.split(" ")) == 5
    assert len(text) <= 1024


@given(st.dictionaries(st.sampled_from(["auth_get", "gatewayhash", "payload"]), st.text()))
def test_every_form_is_read(form: dict[str, str]) -> None:
    poll = opennds_authmon.read_poll({"gatewayhash": GATEWAY, "auth_get": "view"} | form)
    assert poll is None or isinstance(poll, Poll)
