"""Exchanges with CoovaChilli, as its source writes them (1.9: src/redir.c, src/chilli.c)."""

import hashlib

import pytest

from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import (
    DynamicKind,
    DynamicVerb,
    NotBelieved,
    PortalSettings,
    Redirected,
)
from radius_bridge.vendors.registry import family_of
from radius_bridge.wire import Packet, vendor_attribute
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import (
    CLASS,
    ENDS,
    GRANT,
    PHONE,
    PLAIN_ENDS,
    PLAIN_GRANT,
    PORTAL,
    RECORD,
    TOKEN,
    WELCOME,
)

CHILLI = family_of(FamilyName.COOVACHILLI)
SECRET = PortalSettings(secret=Secret(b"greatsecret"))
OPEN = PortalSettings(hosts=("10.1.0.1",))
CHALLENGE = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
LIMITS = ["ChilliSpot-Bandwidth-Max-Up = 2000", "ChilliSpot-Bandwidth-Max-Down = 8000"]
REDIRECT = (
    "https://wifi.example.org/uam?res=notyet&uamip=10.1.0.1&uamport=3990"
    f"&challenge={CHALLENGE}&called=02-00-00-00-00-01&mac=3C-5A-B4-01-02-03&ip=10.1.0.50"
    "&ssid=Library&nasid=lib-ap1&sessionid=655f0a1b00000001"
    "&userurl=http%3a%2f%2fneverssl.example%2f"
)


def md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()


def signed(url: str, secret: bytes = b"greatsecret") -> str:
    return f"{url}&md={md5(url.encode() + secret).hex().upper()}"


def test_bandwidth_is_in_kbit() -> None:
    assert lines_of(CHILLI.grant(GRANT, PHONE)) == [*ENDS, *CLASS, *LIMITS]
    assert lines_of(CHILLI.grant(PLAIN_GRANT, PHONE)) == [*PLAIN_ENDS, *CLASS]


def test_a_reject_is_what_shows_the_portal() -> None:
    assert CHILLI.to_portal(PORTAL, PHONE) is None


@pytest.mark.parametrize(
    ("view_point", "upload", "download"),
    [
        pytest.param(2, 999, 111, id="the_devices_own_view"),
        pytest.param(1, 111, 999, id="the_access_points_view_swapoctets"),
        pytest.param(None, 999, 111, id="absent_in_older_versions"),
    ],
)
def test_octets_are_right_from_every_view_point(
    view_point: int | None, upload: int, download: int
) -> None:
    said = () if view_point is None else (vendor_attribute(14559, 10, view_point.to_bytes(4)),)
    counted = CHILLI.counted(RECORD, Packet(4, 1, bytes(16), said))
    assert (counted.upload_octets, counted.download_octets) == (upload, download)


def test_a_new_end_comes_with_the_name_and_with_every_limit() -> None:
    """chilli drops a CoA without User-Name, and resets each limit that is not repeated."""
    message = CHILLI.dynamic(DynamicVerb.CHANGE, GRANT, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.CHANGE
    assert lines_of(message) == [
        "User-Name = 3C-5A-B4-01-02-03",
        "Acct-Session-Id = 655f0a1b00000001",
        *ENDS,
        *CLASS,
        *LIMITS,
    ]
    assert CHILLI.dynamic(DynamicVerb.CHANGE, GRANT, PHONE._replace(user_name=b"")) is None


def test_a_coa_lets_in_whom_the_mac_authentication_refused() -> None:
    message = CHILLI.dynamic(DynamicVerb.ADMIT, PLAIN_GRANT, PHONE)
    assert lines_of(message)[2:] == ["ChilliSpot-Session-State = 1", *PLAIN_ENDS, *CLASS]


def test_out_by_name_and_session() -> None:
    message = CHILLI.dynamic(DynamicVerb.EXPEL, None, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert lines_of(message) == [
        "User-Name = 3C-5A-B4-01-02-03",
        "Acct-Session-Id = 655f0a1b00000001",
    ]


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(REDIRECT, id="lower_case_escapes"),
        pytest.param(REDIRECT.replace("%3a%2f%2f", "%3A%2F%2F"), id="upper_case_escapes"),
    ],
)
def test_a_signed_redirect_is_believed_as_it_was_written(written: str) -> None:
    visitor = CHILLI.read_redirect(signed(written), SECRET)
    assert isinstance(visitor, Redirected)
    assert (visitor.mac, visitor.ip) == ("3c:5a:b4:01:02:03", "10.1.0.50")
    assert visitor.original_url == "http://neverssl.example/"
    assert not visitor.online


def test_a_browser_adds_the_slash_that_chilli_did_not_sign() -> None:
    signature = signed(REDIRECT.replace("/uam?", "?")).rpartition("=")[2]
    arrived = f"{REDIRECT.replace('/uam?', '/?')}&md={signature}"
    assert isinstance(CHILLI.read_redirect(arrived, SECRET), Redirected)


@pytest.mark.parametrize(
    "arrived",
    [
        pytest.param(REDIRECT, id="no_signature"),
        pytest.param(signed(REDIRECT).replace("10.1.0.1&", "10.1.0.9&"), id="changed"),
        pytest.param(signed(REDIRECT, b"guess"), id="other_secret"),
        pytest.param(signed(REDIRECT)[:-1], id="short"),
        pytest.param(f"{REDIRECT}&md=", id="empty"),
        pytest.param(f"{REDIRECT}&md=\u00e5\ud800", id="no_hexadecimal"),
    ],
)
def test_with_a_secret_only_a_signature_counts(arrived: str) -> None:
    assert CHILLI.read_redirect(arrived, SECRET) is NotBelieved.BAD_SIGNATURE


def test_what_is_appended_to_a_signed_redirect_does_not_count() -> None:
    visitor = CHILLI.read_redirect(signed(REDIRECT.replace("&ip=10.1.0.50", "")), SECRET)
    assert isinstance(visitor, Redirected)
    longer = signed(REDIRECT.replace("&ip=10.1.0.50", "")) + "&ip=10.9.9.9&uamip=10.9.9.9"
    assert CHILLI.read_redirect(longer, SECRET) == visitor


def test_without_a_secret_only_a_registered_gateway_counts() -> None:
    assert isinstance(CHILLI.read_redirect(REDIRECT, OPEN), Redirected)
    elsewhere = REDIRECT.replace("uamip=10.1.0.1", "uamip=203.0.113.7")
    assert CHILLI.read_redirect(elsewhere, OPEN) is NotBelieved.STRANGE_HOST
    other_port = REDIRECT.replace("uamport=3990", "uamport=25")
    assert CHILLI.read_redirect(other_port, OPEN) is NotBelieved.STRANGE_HOST
    assert CHILLI.read_redirect(REDIRECT, PortalSettings()) is NotBelieved.STRANGE_HOST


def test_already_in_needs_no_challenge() -> None:
    visitor = CHILLI.read_redirect(REDIRECT.replace("notyet", "already"), OPEN)
    assert isinstance(visitor, Redirected)
    assert visitor.online
    refused = CHILLI.read_redirect(REDIRECT.replace("notyet", "failed"), OPEN)
    assert isinstance(refused, Redirected)
    assert refused.failed


def test_the_browser_answers_the_challenge_with_chap() -> None:
    """As src/redir.c computes it: MD5 of 0, the password, and MD5 of challenge and uamsecret."""
    visitor = CHILLI.read_redirect(signed(REDIRECT), SECRET)
    assert isinstance(visitor, Redirected)
    back = CHILLI.way_back(visitor, TOKEN, SECRET, WELCOME)
    mixed = md5(bytes.fromhex(CHALLENGE) + b"greatsecret")
    response = md5(b"\0abcdefghijklmnopqrstuv" + mixed).hex()
    assert back is not None
    assert back.method == "GET"
    assert back.url == (
        f"http://10.1.0.1:3990/logon?username=kvar-0k3jR9&response={response}"
        "&userurl=https%3A%2F%2Fwifi.example.org%2Fstatus"
    )


def test_without_uamsecret_the_challenge_is_used_as_it_is() -> None:
    visitor = CHILLI.read_redirect(REDIRECT, OPEN)
    assert isinstance(visitor, Redirected)
    back = CHILLI.way_back(visitor, TOKEN, OPEN, WELCOME)
    plain = md5(b"\0abcdefghijklmnopqrstuv" + bytes.fromhex(CHALLENGE)).hex()
    assert back is not None
    assert f"&response={plain}&" in back.url
