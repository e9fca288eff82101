"""Threats on the wire: what a phone may not do, with the whole of Kvar running.

What a single part can show is shown by its own tests (docs/threats.md lists them); here stands
what only gate, resolver, portal and kernel together can show.
"""

import base64
import json
import random
import sys
import textwrap
from time import monotonic, sleep

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_RA,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from firewall.lab.internet import Arrival
from firewall.lab.phone import Phone
from portal.demo.world import World
from tests.faults.probes import Probes
from tests.lab.guest import Guest

pytestmark = pytest.mark.root

STRANGER_DNS_BYTES_PER_S, STRANGER_DNS_BURST = 700, 16_000
SCANNED = ("10.44.0.1", "2001:db8:44::1", "192.168.99.1", "203.0.113.2")
"""The gateway: its guest addresses, its management address, its address towards the internet."""
PORTAL_PORTS = {53, 80, 443}


def gateway_mac(world: World) -> str:
    return world.lab.gateway.run(["cat", "/sys/class/net/guest0/address"]).stdout.strip()


def frame(world: World, phone: Phone, packet: Packet, source_mac: str = "") -> bytes:
    return bytes(Ether(src=source_mac or phone.mac, dst=gateway_mac(world)) / packet)


@pytest.fixture
def other(world: World, crowd: list[Phone]) -> Guest:
    """A captive phone beside the one under test."""
    return Guest(world, crowd[0])


def test_a_thousand_random_probes(world: World, online_phone: Phone, other: Guest) -> None:
    assert online_phone.http("http://captive.apple.com/hotspot-detect.html").status == 200
    probes = Probes(world, other)
    probes.send(1000)
    assert probes.sent > 950
    assert probes.arrived() == []


def test_a_rogue_router_changes_nothing(world: World, phone: Phone) -> None:
    """A router advertisement sent by a phone: the gateway is a router and takes none."""
    routes = ["ip", "-6", "route", "show"]
    before = world.lab.gateway.run(routes).stdout
    rogue = (
        IPv6(src="fe80::bad", dst="ff02::1")
        / ICMPv6ND_RA(routerlifetime=1800)
        / ICMPv6NDOptSrcLLAddr(lladdr=phone.mac)
        / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64)
    )
    phone.send_frame(bytes(Ether(src=phone.mac, dst="33:33:00:00:00:01") / rogue))
    assert phone.ping("10.44.0.1").outcome == "answered"
    assert world.lab.gateway.run(routes).stdout == before
    assert "2001:db8:bad" not in world.lab.gateway.run(["ip", "-6", "addr"]).stdout


@pytest.mark.parametrize("thief_is_online", [False, True])
def test_the_address_of_another_is_refused(
    thief_is_online: bool, world: World, online_phone: Phone, other: Guest
) -> None:
    """One's own MAC with an address that DHCP gave to somebody else."""
    assert online_phone.lease
    thief = other.phone
    if thief_is_online:
        assert other.sign_in().status == 303
    target = "198.51.100.150" if thief_is_online else "198.51.100.151"
    stolen = IP(src=online_phone.lease.address, dst=target) / UDP(sport=1000, dport=1000) / b"x"
    own = IP(src=thief.lease.address, dst=target) / UDP(sport=1000, dport=2000) / b"x"  # type: ignore[union-attr]
    for _ in range(20):
        thief.send_frame(frame(world, thief, stolen))
        thief.send_frame(frame(world, thief, own))
    thief.ping("10.44.0.1")
    arrivals = world.lab.internet.arrivals()
    ports = {a.port for a in arrivals if a.destination == target and a.protocol == "udp"}
    assert ports == ({2000} if thief_is_online else set())
    if thief_is_online:
        other.sign_out()


def test_a_tunnel_of_names_carries_under_a_kilobyte_a_second(world: World, other: Guest) -> None:
    """As iodine does: names that nobody has asked for, as fast as they go."""
    script = """
        import os, socket, sys, time
        end, s = time.monotonic() + 5, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sent = 0
        while time.monotonic() < end:
            label = b"".join(bytes([60]) + os.urandom(30).hex().encode() for _ in range(3))
            q = os.urandom(2) + bytes.fromhex("01000001000000000000") + label
            q += b"\\x06tunnel\\x07example\\x00" + bytes.fromhex("00010001")
            s.sendto(q, ("10.44.0.1", 53)); sent += len(q)
            time.sleep(0.001)
        print(sent)
    """
    before, began = dns_bytes(world), monotonic()
    sent = int(run_on(other.phone, script))
    sleep(0.5)  # the resolver's last questions are still on their way
    carried, took_s = dns_bytes(world) - before, monotonic() - began
    print(f"{sent} bytes of names sent, {carried} carried in {took_s:.1f} s")  # noqa: T201
    assert sent > 10 * STRANGER_DNS_BURST
    assert carried <= 1.1 * (STRANGER_DNS_BURST + STRANGER_DNS_BYTES_PER_S * took_s)


def dns_bytes(world: World) -> int:
    return sum(a.bytes for a in world.lab.internet.arrivals() if a.port == 53)


def run_on(phone: Phone, script: str, *arguments: str) -> str:
    done = phone.run([sys.executable, "-c", textwrap.dedent(script), *arguments], timeout_s=120)
    return done.stdout


def test_every_resolver_is_ours(world: World, other: Guest) -> None:
    """DNS by name or number to any server is answered by ours; DoT, DoH and QUIC are refused."""
    phone = other.phone
    assert phone.dns("captive.apple.com", server="8.8.8.8").values("A")
    assert phone.dns("captive.apple.com", server="2001:4860:4860::8888").values("A")
    assert phone.dns("captive.apple.com", server="8.8.8.8", tcp=True).values("A")
    for address in ("8.8.8.8", "2001:4860:4860::8888"):
        assert phone.tcp_connect(address, 853).outcome == "refused"
        assert phone.tcp_connect(address, 443).outcome == "refused"
        assert phone.udp_probe(address, 443).outcome == "refused"
        assert phone.udp_probe(address, 853).outcome == "refused"
        assert world.lab.internet.packets_to(address) == 0


def test_pings_and_clocks_carry_nothing_out(world: World, other: Guest) -> None:
    """Payload in echo requests, NTP, and DHCP options that some networks relay (43, 125)."""
    phone, targets = other.phone, ("198.51.100.160", "2001:db8:5::160")
    before = dhcp_and_ntp(world)  # the walled garden's own clock may have been asked
    for target in targets:
        assert phone.ping(target).outcome in {"unreachable", "refused", "timeout"}
        assert phone.udp_probe(target, 123, payload=b"\x1b" + bytes(47)).outcome == "refused"
    options = bytes([43, 200]) + bytes(200) + bytes([125, 50]) + bytes(50) + b"\xff"
    bootp = bytes([1, 1, 6, 0]) + bytes(232) + bytes.fromhex("63825363350101") + options
    for target in (targets[0], "255.255.255.255"):
        packet = IP(src="0.0.0.0", dst=target) / UDP(sport=68, dport=67) / bootp  # noqa: S104
        phone.send_frame(frame(world, phone, packet))
    phone.ping("10.44.0.1")
    assert world.lab.internet.packets_to(*targets) == 0
    assert dhcp_and_ntp(world) == before


def dhcp_and_ntp(world: World) -> list[Arrival]:
    return [a for a in world.lab.internet.arrivals() if a.port in {67, 123}]


def test_the_walled_garden_is_no_way_out(world: World, other: Guest) -> None:
    """The listed host at its port, and nothing else: no other port, no proxy, no other host."""
    phone = other.phone
    garden = world.lab.internet.address_of("crl.lab.example")
    assert phone.http("http://crl.lab.example/").status == 200
    for port in (443, 8080, 22):
        assert phone.tcp_connect(garden, port).outcome == "refused"
    assert phone.udp_probe(garden, 80).outcome == "refused"
    asked = phone.http("http://10.44.0.1/", method="CONNECT", host="198.51.100.170:443")
    assert asked.status in {302, 400, 405, 501}, asked
    absolute = phone.tcp_connect(
        "10.44.0.1", 80, payload=b"GET http://198.51.100.170/ HTTP/1.1\r\nHost: a.example\r\n\r\n"
    )
    assert b"302" in absolute.data.split(b"\r\n")[0]
    assert world.lab.internet.packets_to("198.51.100.170") == 0


def test_a_strangers_packets_leave_no_connection_entries(world: World, other: Guest) -> None:
    """A flood of any kind must not fill the table that everybody's connections live in."""
    phone, dice = other.phone, random.Random(3)
    assert phone.lease
    before = connections(world)
    source6 = "2001:db8:44::bad:"
    packets: list[Packet] = []
    for number in range(400):
        packets += [
            IP(src=phone.lease.address, dst="198.51.100.9") / UDP(sport=number + 1, dport=9),
            IP(src=f"10.44.2.{number % 250 + 1}", dst="10.44.0.1") / ICMP(id=number, seq=1),
            IPv6(src=f"{source6}{number:x}", dst="2001:db8:44::1") / ICMPv6EchoRequest(id=number),
            IPv6(src=f"fe80::bad:{number:x}", dst="ff02::1:2") / UDP(sport=546, dport=547),
            IP(src=f"10.44.3.{number % 250 + 1}", dst="10.44.0.1") / UDP(sport=68, dport=67),
        ]
    dice.shuffle(packets)
    send_frames(world, phone, packets)
    grown = connections(world) - before
    assert grown < 100, f"{grown} entries for {len(packets)} packets of a stranger"


def send_frames(world: World, phone: Phone, packets: list[Packet]) -> None:
    """Send many frames at once: the worker's answer to each would be the slow part."""
    link = Ether(src=phone.mac, dst=gateway_mac(world))
    lines = [base64.b64encode(bytes(link / packet)).decode() for packet in packets]
    script = """
        import base64, socket, sys
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.bind(("wlan0", 0))
        for line in sys.stdin:
            s.send(base64.b64decode(line))
    """
    phone.run([sys.executable, "-c", textwrap.dedent(script)], text="\n".join(lines))


def connections(world: World) -> int:
    return int(world.lab.gateway.run(["conntrack", "-C"]).stdout)


SCAN = """
    import errno, select, socket, sys
    host, ports, found = sys.argv[1], eval(sys.argv[2]), []
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for first in range(0, len(ports), 400):
        waiting, poll = {}, select.epoll()
        for port in ports[first:first + 400]:
            s = socket.socket(family, socket.SOCK_STREAM)
            s.setblocking(False)
            s.connect_ex((host, port))
            waiting[s.fileno()] = (s, port)
            poll.register(s.fileno(), select.EPOLLOUT)
        while waiting:
            ready = poll.poll(2)
            if not ready:
                break
            for number, _ in ready:
                s, port = waiting.pop(number)
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error == 0:
                    found.append(port)
                poll.unregister(number)
                s.close()
        for s, port in waiting.values():
            found.append(-port)
            s.close()
    print(found)
"""


def scan(phone: Phone, host: str, ports: str) -> list[int]:
    """Return the ports that took a connection, and negative those that stayed silent."""
    found = json.loads(run_on(phone, SCAN, host, ports))
    assert isinstance(found, list)
    return found


def test_a_full_scan_from_a_phone_that_is_online(world: World, online_phone: Phone) -> None:
    """Every TCP port of the gateway's guest addresses and of the management host."""
    ports = "[p for p in range(1, 65536) if p not in (80, 443)]"
    for host in ("10.44.0.1", "2001:db8:44::1", "192.168.99.10"):
        assert set(scan(online_phone, host, ports)) <= {53}, host
    for host in ("192.168.99.1", "203.0.113.2", "fd99::1", "fd99::10"):
        assert scan(online_phone, host, LISTENED) == [], host
    assert set(scan(online_phone, "10.44.0.1", "[80, 443]")) == {80, 443}
    management = world.lab.management
    assert management
    assert not [a for a in management.arrivals() if a.source.startswith("10.44.")]
    assert online_phone.lease
    assert management.packets_from(online_phone.lease.address) == 0


LISTENED = "[21, 22, 23, 25, 53, 111, 123, 139, 445, 3306, 5432, 6001, 8080, 8443, 8601, 9464]"


def test_a_scan_from_a_captive_phone(world: World, other: Guest) -> None:
    """Every port that anything on the gateway listens on, and a thousand more.

    A stranger's own openings are limited to 200 a second, so the scan goes slowly on purpose.
    """
    sockets = world.lab.gateway.run(["ss", "-Hltn"]).stdout.split("\n")
    listening = {int(line.split()[3].rsplit(":", 1)[1]) for line in sockets if line}
    ports = sorted({*listening, *range(1, 1100, 8), 5432, 8443, 9464} - PORTAL_PORTS)
    for host in SCANNED:
        opened = [port for port in scan_slowly(other.phone, host, ports) if port > 0]
        assert opened == [], host
    assert other.phone.tcp_connect("192.168.99.10", 8601).outcome == "refused"
    assert other.phone.tcp_connect("fd99::10", 8601).outcome == "refused"


def scan_slowly(phone: Phone, host: str, ports: list[int]) -> list[int]:
    found: list[int] = []
    for first in range(0, len(ports), 100):
        found += scan(phone, host, str(ports[first : first + 100]))
        sleep(0.3)
    return found


def test_other_doors_of_the_gateway_stay_shut_over_udp(world: World, online_phone: Phone) -> None:
    sockets = world.lab.gateway.run(["ss", "-Hlun"]).stdout.split("\n")
    listening = {int(line.split()[3].rsplit(":", 1)[1]) for line in sockets if line}
    for port in sorted({*listening, 123, 161, 514, 1812, 1813, 3799} - {53, 67, 547}):
        assert online_phone.udp_probe("10.44.0.1", port).outcome == "refused", port


def test_guests_do_not_reach_each_other(world: World, online_phone: Phone, other: Guest) -> None:
    """Through the gateway, even where the access point would let them."""
    assert other.sign_in().status == 303
    neighbour = other.phone
    neighbour.serve_echo(7777)
    assert neighbour.lease
    for address in (neighbour.lease.address, neighbour.ipv6_addresses()[0]):
        attempt = online_phone.tcp_connect(address, 7777, payload=b"hello", timeout_s=1)
        assert attempt.outcome in {"refused", "unreachable", "timeout"}
        hairpin = (
            IPv6(src=online_phone.ipv6_addresses()[0], dst=address)
            if ":" in address
            else IP(src=online_phone.lease.address, dst=address)  # type: ignore[union-attr]
        )
        packet = frame(world, online_phone, hairpin / UDP(sport=7, dport=7777) / b"hairpin")
        assert heard_at(neighbour, online_phone, packet) == 0
    other.sign_out()


def heard_at(neighbour: Phone, sender: Phone, packet: bytes) -> int:
    """Count what of a frame sent ten times arrives at the neighbour's interface."""
    script = "ip -j -s link show wlan0"
    before = json.loads(neighbour.run(script.split()).stdout)[0]["stats64"]["rx"]["packets"]
    for _ in range(100):
        sender.send_frame(packet)
    sender.ping("10.44.0.1")
    after = json.loads(neighbour.run(script.split()).stdout)[0]["stats64"]["rx"]["packets"]
    return int(after - before) // 50
