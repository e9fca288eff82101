"""RouterOS, as help.mikrotik.com ("RADIUS", "Hotspot customisation") has it."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from radius_bridge.access import Bandwidth
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
from tests.radius_bridge.vendors.devices import CLASS, ENDS, GRANT, PHONE, PLAIN_GRANT, PORTAL

MIKROTIK = family_of(FamilyName.MIKROTIK)
SETTINGS = PortalSettings(("10.5.50.1",))
REDIRECT = "https://wifi.example.org/ap/east?mac=3C:5A:B4:01:02:03&link-login-only=http://10.5.50.1"


@pytest.mark.parametrize(
    ("up", "down", "rate"),
    [
        pytest.param(2_000_000, 8_000_000, "2M/8M", id="the_router_receives_the_upload"),
        pytest.param(512_000, 1_500_000, "512k/1500k", id="k_is_a_thousand"),
        pytest.param(64_001, None, "64001/0", id="both_are_written"),
        pytest.param(None, 1_000_000, "0/1M", id="upload_without_limit"),
        pytest.param(0, 1_000, "1/1k", id="nothing_is_not_without_limit"),
    ],
)
def test_rate_limit_is_upload_then_download(up: int | None, down: int | None, rate: str) -> None:
    grant = replace(GRANT, bandwidth=Bandwidth(up, down), role="guests")
    assert lines_of(MIKROTIK.grant(grant, PHONE)) == [
        *ENDS,
        *CLASS,
        f"Mikrotik-Rate-Limit = {rate}",
        "Mikrotik-Group = guests",
    ]


def test_without_limits_there_is_no_rate_limit() -> None:
    assert not [one for one in lines_of(MIKROTIK.grant(PLAIN_GRANT, PHONE)) if "Mikrotik" in one]


def test_a_reject_is_what_shows_the_portal_and_the_form_lets_in() -> None:
    assert MIKROTIK.to_portal(PORTAL, PHONE) is None
    assert MIKROTIK.dynamic(DynamicVerb.ADMIT, GRANT, PHONE) is None


def test_a_session_is_found_by_name_and_key_or_address() -> None:
    message = MIKROTIK.dynamic(DynamicVerb.EXPEL, None, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert lines_of(message) == [
        "User-Name = 3C-5A-B4-01-02-03",
        "Acct-Session-Id = 655f0a1b00000001",
        "NAS-IP-Address = 192.0.2.10",
    ]
    unaccounted = PHONE._replace(accounting_session_id=None)
    assert "Framed-IP-Address = 10.1.0.50" in lines_of(
        MIKROTIK.dynamic(DynamicVerb.EXPEL, None, unaccounted)
    )
    unnamed = PHONE._replace(user_name=b"")
    assert MIKROTIK.dynamic(DynamicVerb.EXPEL, None, unnamed) is None


def test_new_limits_come_by_coa() -> None:
    message = MIKROTIK.dynamic(DynamicVerb.CHANGE, GRANT, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.CHANGE
    assert lines_of(message)[3:] == [*ENDS, "Mikrotik-Rate-Limit = 2M/8M"]


@pytest.mark.parametrize(
    ("identifier", "challenge", "read"),
    [
        pytest.param(
            r"\371", r"\000\134\060", ("f9", "005c30"), id="octal_with_zero_and_backslash"
        ),
        pytest.param("0", "abc", ("30", "616263"), id="not_escaped"),
        pytest.param(r"\060", "a\u00ff", ("30", "61ff"), id="latin_1"),
    ],
)
def test_octal_escapes_are_octets(identifier: str, challenge: str, read: tuple[str, str]) -> None:
    url = f"{REDIRECT}/login&chap-id={quote(identifier)}&chap-challenge={quote(challenge)}"
    visitor = MIKROTIK.read_redirect(url, SETTINGS)
    assert isinstance(visitor, Redirected)
    assert (visitor.parameters["chap-id"], visitor.parameters["chap-challenge"]) == read


@pytest.mark.parametrize(
    ("identifier", "challenge"),
    [("", "abc"), ("0", ""), ("00", "abc"), ("0", "a" * 65), ("\u0142", "abc"), (r"\477", "a")],
)
def test_what_is_no_challenge_is_not_believed(identifier: str, challenge: str) -> None:
    url = f"{REDIRECT}/login&chap-id={quote(identifier)}&chap-challenge={quote(challenge)}"
    assert MIKROTIK.read_redirect(url, SETTINGS) is NotBelieved.MALFORMED


@pytest.mark.parametrize("path", ["/logout", "/login/x", "/login?dst=http://x", "/", ""])
def test_only_the_hotspots_login_is_gone_back_to(path: str) -> None:
    url = REDIRECT + quote(path)
    assert MIKROTIK.read_redirect(url, SETTINGS) is NotBelieved.STRANGE_HOST
