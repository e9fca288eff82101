"""The captive portal API (RFC 8908) and its announcement (RFC 8910), as a phone meets them.

C20 to C29: what DHCP and router advertisements say, what the API says, and with which certificate.
"""

import json
import re
import urllib.parse
from ipaddress import ip_address
from itertools import pairwise

import pytest
from cryptography import x509

from firewall.lab.phone import Phone
from firewall.lab.phone_answers import HttpAnswer
from portal.demo.world import World
from tests.lab.guest import Guest, text_of

pytestmark = pytest.mark.root

API_TYPE = "application/captive+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
LARGEST_ANDROID_READS = 4096


def ask_api(guest: Guest, accept: str | None = API_TYPE, family: int | None = None) -> HttpAnswer:
    headers = () if accept is None else (("Accept", accept),)
    return guest.phone.http(guest.world.lab.captive_portal_uri, headers=headers, family=family)


# --- announcement: C20 ----------------------------------------------------------------------------


def test_all_three_announcements_are_the_same_bytes(world: World, phone: Phone) -> None:
    uri = world.lab.captive_portal_uri.encode()
    assert phone.lease is not None
    (option,) = phone.router_advertisement()[37]
    assert phone.lease.options[114] == uri
    assert phone.dhcpv6_information()[103] == uri
    assert option.rstrip(b"\0") == uri
    assert (2 + len(option)) % 8 == 0  # RFC 8910 section 2.3: NUL-padded to whole units of 8


def test_the_uri_may_be_announced_and_leads_to_the_api(guest: Guest) -> None:
    assert guest.phone.lease is not None
    uri = guest.phone.lease.captive_portal_uri or ""
    parts = urllib.parse.urlsplit(uri)
    assert len(uri.encode()) <= 255
    assert "\0" not in uri
    assert (parts.scheme, parts.port) == ("https", None)
    with pytest.raises(ValueError, match="does not appear to be"):
        ip_address(parts.hostname or "")
    answer = guest.phone.http(uri, headers=(("Accept", API_TYPE),))
    assert (answer.status, answer.header("Content-Type")) == (200, API_TYPE)


def test_it_is_announced_unasked(world: World, phone: Phone) -> None:
    uri = world.lab.captive_portal_uri
    assert phone.join(ask_portal=False).captive_portal_uri == uri
    assert phone.dhcpv6_information(ask_portal=False)[103] == uri.encode()


def test_every_site_announces_the_same(world: World, limited_guest: Guest) -> None:
    assert limited_guest.phone.lease is not None
    assert limited_guest.phone.lease.captive_portal_uri == world.lab.captive_portal_uri
    assert limited_guest.is_captive()


# --- the API: C21 to C23, C25 to C27, C29 ---------------------------------------------------------


@pytest.mark.parametrize("online", [False, True], ids=["captive", "online"])
@pytest.mark.parametrize("family", [4, 6])
def test_the_api_answers_as_the_standard_says(guest: Guest, family: int, online: bool) -> None:
    if online:
        assert guest.sign_in().status == 303
    answer = ask_api(guest, family=family)
    assert answer.status == 200
    assert answer.header("Content-Type") == API_TYPE
    assert answer.header("Cache-Control") == "no-store"
    assert len(answer.body.decode("utf-8")) <= LARGEST_ANDROID_READS
    assert json.loads(answer.body)["captive"] is not online


def test_a_captive_phone_is_told_where_to_go(guest: Guest) -> None:
    state = guest.api()
    assert state["captive"] is True
    page = str(state["user-portal-url"])
    assert page.startswith("https://")
    assert {"seconds-remaining", "bytes-remaining"}.isdisjoint(state)
    answer = guest.phone.http(page)
    assert answer.status == 200
    assert 'action="/card"' in text_of(answer)


def test_android_is_sent_to_the_real_browser(guest: Guest) -> None:
    """CaptivePortalLogin 361335020 and later (Android developers, "Custom Tabs")."""
    assert guest.api()["x-android-use-custom-tabs"] == 361335020


def test_an_online_phone_is_told_how_long(online_guest: Guest) -> None:
    state = online_guest.api()
    assert state["captive"] is False
    assert type(state["seconds-remaining"]) is int
    assert 20 * 3600 < state["seconds-remaining"] <= 21 * 3600
    assert "bytes-remaining" not in state


def test_extending_is_offered_only_where_the_page_can(
    online_guest: Guest, limited_guest: Guest
) -> None:
    assert limited_guest.sign_in().status == 303
    for guest, can_extend in ((online_guest, False), (limited_guest, True)):
        assert guest.api()["can-extend-session"] is can_extend
        assert ('action="/extend"' in text_of(guest.get("/status"))) is can_extend
    assert 0 < int(str(limited_guest.api()["seconds-remaining"])) <= 600


def test_venue_information_is_a_page(online_guest: Guest) -> None:
    url = str(online_guest.api()["venue-info-url"])
    assert url.startswith("https://")
    assert online_guest.phone.http(url).status == 200


@pytest.mark.parametrize("accept", [API_TYPE, "application/capport+json", "application/json", None])
def test_whatever_a_phone_writes_it_gets_the_api(guest: Guest, accept: str | None) -> None:
    """The editors' draft of RFC 8910 named another media type; old clients name none."""
    assert ask_api(guest, accept).header("Content-Type") == API_TYPE


def test_a_browser_at_the_api_is_sent_to_the_page(guest: Guest) -> None:
    answer = ask_api(guest, BROWSER)
    assert answer.status in {302, 303}
    assert answer.header("Location") == "/"
    assert answer.header("Vary") == "Accept"
    assert answer.header("Cache-Control") == "no-store"


def test_the_api_knows_its_clients_apart(guest: Guest, steady_phone: Phone) -> None:
    """By the address of the connection: no header speaks for another device."""
    online = Guest(guest.world, steady_phone)
    assert steady_phone.lease is not None
    forged = (
        ("Accept", API_TYPE),
        ("X-Forwarded-For", steady_phone.lease.address),
        ("Forwarded", f"for={steady_phone.lease.address}"),
        ("X-Real-IP", steady_phone.lease.address),
    )
    for family in (4, 6):
        assert json.loads(ask_api(online, family=family).body)["captive"] is False
        assert json.loads(ask_api(guest, family=family).body)["captive"] is True
        answer = guest.phone.http(guest.world.lab.captive_portal_uri, headers=forged, family=family)
        assert json.loads(answer.body)["captive"] is True


def test_the_api_is_not_spoken_in_clear(guest: Guest) -> None:
    answer = guest.phone.http(guest.world.lab.captive_portal_uri.replace("https:", "http:"))
    assert answer.status == 303
    assert answer.header("Location") == guest.world.lab.captive_portal_uri


# --- certificate and TLS: C28 and C39 -------------------------------------------------------------


def openssl(world: World, phone: Phone, *arguments: str) -> str:
    """Run s_client as the phone; return what it printed."""
    host = world.config.portal.host_name
    command = ["openssl", "s_client", "-connect", f"{host}:443", "-servername", host]
    trust = ["-CAfile", str(phone.trusted), "-verify_return_error", "-verify_hostname", host]
    done = phone.run([*command, *trust, *arguments], text="", check=False)
    return done.stdout + done.stderr


def test_the_certificate_is_good_for_the_api(world: World, phone: Phone) -> None:
    """The lab's own authority stands in for a public one; the rest is as it must be there."""
    printed = openssl(world, phone, "-showcerts")
    assert "Verify return code: 0 (ok)" in printed
    blocks = re.findall(
        "-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", printed, re.DOTALL
    )
    chain = [x509.load_pem_x509_certificate(block.encode()) for block in blocks]
    assert len(chain) == 2, "the whole chain is sent: nothing has to be fetched"
    for certificate, issuer in pairwise(chain):
        certificate.verify_directly_issued_by(issuer)
    with pytest.raises(x509.ExtensionNotFound):
        chain[0].extensions.get_extension_for_class(x509.AuthorityInformationAccess)


SUITES = ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA"]


@pytest.mark.parametrize("suite", SUITES)
def test_tls_1_2_with_a_suite_of_old_devices(world: World, phone: Phone, suite: str) -> None:
    """AES-GCM for Windows 7 with updates and Android 5; AES-CBC for those without."""
    printed = openssl(world, phone, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
    assert f"Cipher is {suite}" in printed
    assert "Verify return code: 0 (ok)" in printed


def test_tls_1_3(world: World, phone: Phone) -> None:
    printed = openssl(world, phone, "-tls1_3")
    assert "New, TLSv1.3" in printed
    assert "Verify return code: 0 (ok)" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"),
    ],
    ids=["tls-1.1", "tls-1.0", "no-forward-secrecy", "anonymous"],
)
def test_what_is_unsafe_is_refused(world: World, phone: Phone, arguments: tuple[str, ...]) -> None:
    printed = openssl(world, phone, *arguments)
    assert "Cipher is (NONE)" in printed
    # The server hung up on a greeting that was sent: not this machine's own openssl refused.
    assert "unexpected eof" in printed or "alert" in printed
