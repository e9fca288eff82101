"""What a visitor may put into the address that an access point would have written.

Every family reads any text and says what it is; no host that is not registered is ever gone back
to, however it is spelled (RFC 3986, and the URL standard that browsers follow).
"""

import base64
import json
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import NotBelieved, PortalSettings, Redirected
from radius_bridge.vendors.redirects import (
    URL_MAX_CHARACTERS,
    VALUE_MAX_CHARACTERS,
    address_at,
    is_ours,
    read_address,
    read_query,
)
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.devices import TOKEN, WELCOME

HOSTS = ("login.example.net", "192.0.2.1", "*.network-auth.example", "10.1.0.1:4990")
SETTINGS = PortalSettings(HOSTS)
WITH_SECRET = PortalSettings(HOSTS, Secret(b"1234567890"), in_clear=True)
MAC = "3c%3A5a%3Ab4%3A01%3A02%3A03"
HASH = "0" * 64
REDIRECTS = {
    FamilyName.COOVACHILLI: f"res=notyet&uamip=%s&uamport=3990&challenge={HASH[:32]}&mac={MAC}",
    FamilyName.MIKROTIK: f"mac={MAC}&ip=10.5.50.2&link-login-only=http://%s/login",
    FamilyName.CISCO: f"switch_url=https://%s/login.html&client_mac={MAC}",
    FamilyName.ARUBA: f"cmd=login&mac={MAC}&switchip=%s",
    FamilyName.ARUBA_INSTANT: f"cmd=login&mac={MAC}&post=%s",
    FamilyName.RUCKUS: f"sip=%s&client_mac={MAC}&uip=10.1.0.5",
    FamilyName.MERAKI: f"login_url=https://%s/splash/login&client_mac={MAC}",
    FamilyName.FORTINET: f"post=http://%s:1000/fgtauth&magic=0a0b&usermac={MAC}",
    FamilyName.OMADA: f"target=%s&clientMac={MAC}&apMac={MAC}&ssidName=L&radioId=0&site=S",
    FamilyName.UNIFI: f"ap={MAC}&id={MAC}&ssid=%s",
}


def url_of(name: FamilyName, host: str) -> str:
    if name is FamilyName.OPENNDS:
        pairs = f"hid={HASH}, clientmac=3c:5a:b4:01:02:03, gatewayaddress={host}"
        fas = base64.b64encode(pairs.encode("utf-8", "surrogatepass")).decode()
        return f"https://wifi.example.org/fas?fas={quote(fas)}"
    query = REDIRECTS[name].replace("%s", quote(host.encode("utf-8", "surrogatepass"), safe=""))
    return f"https://wifi.example.org/guest/s/default/?{query}"


WITH_HOSTS = [*sorted(set(REDIRECTS) - {FamilyName.UNIFI}), FamilyName.OPENNDS]
STRANGE = [
    "evil.example",
    "login.example.net.evil.example",
    "login.example.net@evil.example",
    "user:password@login.example.net",
    "evil.example#login.example.net",
    "evil.example?login.example.net",
    "evil.example/login.example.net",
    "evil.example\\login.example.net",
    "login.example.net\\@evil.example",
    "login.example.net\x00.evil.example",
    "login.example.net\r\nHost: evil.example",
    "login.example.net\t",
    " login.example.net",
    "login.example.net.",
    "login..example.net",
    "login.example.net:0",
    "login.example.net:99999",
    "login.example.net:1",
    "login.example.net:8\u0660",
    "l\u043egin.example.net",
    "login.example.net\u3002evil.example",
    "xn--lgin-vmc.example.net",
    "0xc0000201",
    "3221225985",
    "192.0.2.01",
    "192.0.513",
    "[::ffff:192.0.2.1]",
    "[::1%25eth0]",
    "[::1",
    "a.b.network-auth.example",
    "network-auth.example",
    ".network-auth.example",
    "<script>alert(1)</script>",
    "",
]


@pytest.mark.parametrize("name", WITH_HOSTS)
@pytest.mark.parametrize("host", STRANGE)
def test_nobody_is_sent_back_to_a_host_that_is_not_registered(name: FamilyName, host: str) -> None:
    for settings in (SETTINGS, WITH_SECRET):
        assert isinstance(family_of(name).read_redirect(url_of(name, host), settings), NotBelieved)


@pytest.mark.parametrize("name", WITH_HOSTS)
def test_a_registered_host_is_gone_back_to(name: FamilyName) -> None:
    settings = WITH_SECRET if name is FamilyName.OPENNDS else SETTINGS
    host = "192.0.2.1:2050" if name is FamilyName.OPENNDS else "192.0.2.1"
    visitor = family_of(name).read_redirect(url_of(name, host), settings)
    assert isinstance(visitor, Redirected)
    back = family_of(name).way_back(visitor, TOKEN, settings, WELCOME)
    assert back is not None
    assert urlsplit(back.url).hostname == "192.0.2.1"


@pytest.mark.parametrize("name", list(REDIRECTS))
def test_a_parameter_that_stands_twice_is_none(name: FamilyName) -> None:
    url = url_of(name, "192.0.2.1")
    query = url.partition("?")[2]
    for pair in query.split("&"):
        assert family_of(name).read_redirect(f"{url}&{pair}", SETTINGS) is NotBelieved.MALFORMED


@pytest.mark.parametrize("name", list(FamilyName))
def test_a_redirect_has_a_length(name: FamilyName) -> None:
    url = "https://wifi.example.org/?x=" + "a" * URL_MAX_CHARACTERS
    assert family_of(name).read_redirect(url, SETTINGS) in {None, NotBelieved.MALFORMED}
    assert family_of(name).read_redirect(url[:URL_MAX_CHARACTERS], SETTINGS) is None


@pytest.mark.parametrize(
    "original",
    [
        "javascript:alert(1)",
        "//evil.example",
        'https://x/"><script>',
        "data:text/html,x",
        "http://",
    ],
)
def test_where_the_visitor_wanted_to_go_is_an_address_of_the_web_or_nothing(original: str) -> None:
    url = url_of(FamilyName.CISCO, "192.0.2.1") + f"&redirect={quote(original)}"
    visitor = family_of(FamilyName.CISCO).read_redirect(url, SETTINGS)
    assert isinstance(visitor, Redirected)
    assert visitor.original_url == ""


PIECES = st.sampled_from(
    [
        *(pair for one in REDIRECTS.values() for pair in one.split("&")),
        *STRANGE,
        *HOSTS,
        "%",
        "%00",
        "%0d%0a",
        "%zz",
        "&",
        "?",
        "#",
        "=",
        "&md=",
        "+",
        "\ud800",
        "%ff%fe",
        "ENC0123456789abcdef",
        "chap-id=%5C371",
        "chap-challenge=%5C357%5C015",
        "fas=",
        "iv=",
        "/guest/s/default/?",
    ]
)
TEXTS = st.text(max_size=200) | st.lists(PIECES | st.text(max_size=6), max_size=40).map("".join)


@given(st.sampled_from(FamilyName), TEXTS, st.sampled_from([SETTINGS, WITH_SECRET]))
def test_every_family_reads_every_text(
    name: FamilyName, text: str, settings: PortalSettings
) -> None:
    for url in (text, f"https://wifi.example.org/guest/s/x/?{text}"):
        read = family_of(name).read_redirect(url, settings)
        assert read is None or isinstance(read, (Redirected, NotBelieved))
        if isinstance(read, Redirected):
            family_of(name).way_back(read, TOKEN, settings, WELCOME)
            family_of(name).way_out(read.parameters)
            assert len(json.dumps(dict(read.parameters))) <= 1800


@given(st.sampled_from(WITH_HOSTS), TEXTS)
def test_no_text_in_place_of_a_host_leads_elsewhere(name: FamilyName, text: str) -> None:
    read = family_of(name).read_redirect(url_of(name, text), WITH_SECRET)
    if isinstance(read, Redirected):
        back = family_of(name).way_back(read, TOKEN, WITH_SECRET, WELCOME)
        address = "" if back is None else back.url
        host = urlsplit(address).hostname
        assert host in {"login.example.net", "192.0.2.1", "10.1.0.1"} or (
            host is not None and host.endswith(".network-auth.example")
        )


@given(st.text("http://[]:@.%?#\\aA0", max_size=40))
def test_an_address_that_is_read_is_written_back_the_same(text: str) -> None:
    address = read_address(text)
    if address is not None:
        assert read_address(str(address)) == address
        assert urlsplit(text).hostname == address.host.strip("[]") or ":" in address.host


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("login.example.net", "https://LOGIN.example.net/x"),
        ("Login.Example.Net", "http://login.example.net/x"),
        ("login.example.net:8443", "https://login.example.net:8443/x"),
        ("*.example.net", "https://n123.example.net/x"),
        ("2001:db8:0::1", "https://[2001:DB8::1]/x"),
        ("[2001:db8:0::1]", "https://[2001:db8::1]/x"),
        ("[2001:db8:0::1]:8443", "https://[2001:db8::1]:8443/x"),
    ],
)
def test_a_host_is_registered_by_name_address_or_domain(host: str, address: str) -> None:
    read = read_address(address)
    assert read is not None
    assert is_ours(read, [host])
    assert not is_ours(
        read, ["", ":80", "*.", "*", "[", "https://login.example.net", "example.net"]
    )


def test_a_port_is_registered_with_its_host_alone() -> None:
    read = read_address("https://login.example.net:8443/")
    assert read is not None
    assert not is_ours(read, ["login.example.net"])
    assert is_ours(read, ["login.example.net"], {8443})
    assert not is_ours(read, ["login.example.net:443"], {8443})


def test_an_address_keeps_its_query_and_drops_the_usual_port() -> None:
    text = "https://n1.network-auth.example:443/splash/login?mauth=MMxx&continue_url=http%3A%2F%2Fx"
    assert str(read_address(text)) == text.replace(":443", "")
    assert address_at("a.example/b", "/c") is None
    assert address_at("a.example?", "/c") is None


def test_a_value_that_is_too_long_is_left_out_and_the_rest_is_read() -> None:
    url = url_of(FamilyName.CISCO, "192.0.2.1") + "&redirect=http://x/" + "a" * VALUE_MAX_CHARACTERS
    visitor = family_of(FamilyName.CISCO).read_redirect(url, SETTINGS)
    assert isinstance(visitor, Redirected)
    assert visitor.original_url == ""


def test_of_a_query_only_the_asked_for_is_read() -> None:
    url = "https://wifi.example.org/?a=1&b=2&b=3&c=%20x+y#a=4"
    assert read_query(url, {"a", "c", "d"}) == {"a": "1", "c": " x y"}
    assert read_query(url, {"b"}) is None
    assert read_query("https://wifi.example.org/?a=%00", {"a"}) is None
