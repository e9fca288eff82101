"""What the gateway refuses, how it refuses it, what is open to everybody, and what opens at login.

C11 to C19. Refusals must be quick: Chrome waits 3 s for a silent HTTPS before it tries HTTP, a
reset sends it there at once.
"""

import pytest

from firewall.lab import addressing, probes
from firewall.lab.phone import Phone
from portal.demo.world import World
from tests.lab.guest import Guest, addresses_of, connections, until

pytestmark = pytest.mark.root

FAMILIES = [4, 6]
HTTPS_HOSTS = ["www.google.com", "www.example.com", "accounts.google.com"]
PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
SILENCE_S = 2.0
"""Longer than any answer takes here: an outcome other than "timeout" was an answer."""
PRIVATE_DNS, PUSH = 853, (5223, 5228, 5229, 5230)


# --- refused: C11 and C12 -------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_https_is_reset_at_once(phone: Phone, family: int) -> None:
    for host in HTTPS_HOSTS:
        attempt = phone.tcp_connect(host, 443, family=family, timeout_s=SILENCE_S)
        assert attempt.outcome == "refused", attempt
        answer = phone.http(f"https://{host}/", family=family, verify=False, timeout_s=SILENCE_S)
        assert answer.failure == "refused", "a handshake with a certificate of ours"


@pytest.mark.parametrize("family", FAMILIES)
def test_any_other_tcp_is_reset(phone: Phone, family: int) -> None:
    for port in (22, 25, 465, PRIVATE_DNS, 993, *PUSH, 8080, 8443):
        attempt = phone.tcp_connect("www.example.com", port, family=family, timeout_s=SILENCE_S)
        assert attempt.outcome == "refused", (port, attempt)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [443, 4500])
def test_udp_is_refused_by_icmp(phone: Phone, family: int, port: int) -> None:
    attempt = phone.udp_probe("www.google.com", port, family=family, timeout_s=SILENCE_S)
    assert attempt.outcome == "refused", attempt


@pytest.mark.parametrize("family", FAMILIES)
def test_a_ping_is_refused_by_icmp(phone: Phone, family: int) -> None:
    attempt = phone.ping("www.example.com", family=family, timeout_s=SILENCE_S)
    assert attempt.outcome in {"refused", "unreachable"}, attempt


# --- names: C13 and C15 ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_names_are_genuine_while_captive(world: World, phone: Phone, kind: str) -> None:
    family = 4 if kind == "A" else 6
    for host in (*probes.HOSTS[::4], "www.example.com"):
        expected = world.lab.internet.address_of(host, family)
        assert phone.dns(host, kind).values(kind) == (expected,)


@pytest.mark.parametrize("probe", probes.DNS_PROBES, ids=lambda probe: probe.kind)
def test_windows_finds_its_name(phone: Phone, probe: probes.DnsProbe) -> None:
    for tcp in (False, True):
        assert phone.dns(probe.name, probe.kind, tcp=tcp).values(probe.kind) == (probe.genuine,)


@pytest.mark.parametrize("server", ["8.8.8.8", "2001:4860:4860::8888"])
def test_a_resolver_of_the_phones_own_choice_answers_too(phone: Phone, server: str) -> None:
    answer = phone.dns("dns.msftncsi.com", "A", server=server)
    assert answer.values("A") == ("131.107.255.255",)


def test_browsers_keep_to_this_resolver(phone: Phone) -> None:
    """Firefox's canary does not exist; iCloud Private Relay is left alone, and never waits."""
    assert phone.dns("use-application-dns.net", "A").rcode == "NXDOMAIN"
    assert phone.dns("use-application-dns.net", "AAAA").rcode == "NXDOMAIN"
    for name in ("mask.icloud.com", "mask-h2.icloud.com"):
        assert phone.dns(name, "A").rcode == "NOERROR"
        assert phone.dns(name, "A").values("A")


# --- open to everybody: C14 -----------------------------------------------------------------------


def test_a_lease_is_renewed_while_captive(phone: Phone) -> None:
    assert phone.lease is not None
    address = phone.lease.address
    assert phone.renew().address == address
    assert phone.init_reboot().address == address


@pytest.mark.parametrize("family", FAMILIES)
def test_the_portal_is_reached_on_both_ports(guest: Guest, family: int) -> None:
    assert guest.get("/", family=family).status == 200
    plain = guest.get("/help", origin=guest.origin.replace("https:", "http:"), family=family)
    assert plain.status == 200


@pytest.mark.parametrize("family", FAMILIES)
def test_the_walled_garden_is_open_at_its_ports_alone(phone: Phone, family: int) -> None:
    """The certificate's revocation list, and the time: a wrong clock makes a certificate wrong."""
    crl = phone.http("http://crl.lab.example/root.crl", family=family)
    assert crl.status == 200, crl
    assert phone.tcp_connect("crl.lab.example", 443, family=family).outcome == "refused"
    assert phone.udp_probe("ntp.lab.example", 123, family=family).outcome == "answered"
    refused = phone.udp_probe("ntp.lab.example", 53000, family=family, timeout_s=SILENCE_S)
    assert refused.outcome == "refused"


# --- IPv6: C17 ------------------------------------------------------------------------------------


def take_only(phone: Phone, address: str) -> None:
    """Go on with a new IPv6 address alone, as when a temporary one takes over (RFC 8981)."""
    old = phone.ipv6_addresses()
    phone.add_ipv6_address(address)
    phone.namespace.ip([f"addr del {each}/64 dev {addressing.PHONE_INTERFACE}" for each in old])


def test_a_new_ipv6_address_of_an_online_phone_is_online_at_once(online_guest: Guest) -> None:
    phone = online_guest.phone
    for number in range(5):
        take_only(phone, f"2001:db8:44::7e3a:{phone.number:x}:{number + 1:x}")
        answer = phone.http(PROBE_URL, family=6)
        assert answer.body == probes.APPLE_SUCCESS.body
    status = online_guest.get("/", family=6)
    assert "Du är uppkopplad" in status.body.decode(), "the portal does not know the new address"


def test_a_new_ipv6_address_of_a_captive_phone_is_captive(world: World, phone: Phone) -> None:
    target = "2001:db8:5::99"
    take_only(phone, f"2001:db8:44::7e3b:{phone.number:x}:1")
    before = world.lab.internet.packets_to(target)
    assert phone.http(PROBE_URL, family=6).status == 302
    assert phone.tcp_connect(target, 443).outcome == "refused"
    assert world.lab.internet.packets_to(target) == before


# --- opened at login: C16, C18 and C19 ------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_what_phones_need_is_open_after_login(steady_phone: Phone, family: int) -> None:
    """Strict Private DNS is validated only over TCP 853; push services use the others."""
    for port in (443, PRIVATE_DNS, *PUSH):
        attempt = steady_phone.tcp_connect("dns.example.com", port, family=family)
        assert attempt.outcome == "connected", (port, attempt)
    assert steady_phone.udp_probe("www.google.com", 443, family=family).outcome == "answered"


def test_a_push_connection_may_be_silent_for_half_an_hour(world: World) -> None:
    key = "net.netfilter.nf_conntrack_tcp_timeout_established"
    value = world.lab.gateway.run(["sysctl", "-n", key]).stdout
    assert int(value) >= 30 * 60


@pytest.mark.parametrize("family", FAMILIES)
def test_login_flushes_what_was_captured(world: World, guest: Guest, family: int) -> None:
    """An entry of the time before would go on redirecting the same connection's packets.

    Until it is deleted, a moment after the answer, these packets are dropped.
    """
    phone = guest.phone
    host = world.lab.internet.address_of("www.example.com", family)
    url = f"http://[{host}]/" if family == 6 else f"http://{host}/"
    assert phone.http(url).status == 302
    own = addresses_of(phone)

    def captured() -> list[str]:  # answered by another than who was asked
        asked = [line for line in connections(world, *own) if f"dst={host} " in line]
        return [line for line in asked if f"src={host} " not in line]

    assert captured()
    assert guest.sign_in().status == 303
    assert phone.http(url).status == 200
    until(lambda: not captured(), "the end of what was captured")


@pytest.mark.parametrize("family", FAMILIES)
def test_log_out_flushes_what_was_let_through(
    world: World, online_guest: Guest, family: int
) -> None:
    """C48: gate closed, connections gone and the API captive, before the answer is sent."""
    phone = online_guest.phone
    download = phone.download("www.example.com", family=family)
    stream = phone.stream("www.example.com", family=family)
    until(lambda: download.report().received_bytes > 100_000, "a running download")
    until(lambda: stream.report().received > 10, "a running stream")
    target = world.lab.internet.address_of("www.example.com", family)
    assert connections(world, *addresses_of(phone))

    assert online_guest.sign_out().status == 303

    assert not online_guest.is_admitted()
    left = [line for line in connections(world, *addresses_of(phone)) if f"dst={target}" in line]
    assert left == []
    assert online_guest.is_captive()
    arrived = world.lab.internet.packets_to(target)
    received = stream.report().received
    sent = stream.report().sent
    until(lambda: stream.report().sent > sent + 20, "more of the stream")
    assert world.lab.internet.packets_to(target) == arrived
    assert stream.stop().received == received
    download.stop()
