"""Mischief in the guest network itself, between device and device: what the gateway sees of it.

A switch or an access point can stop these frames, a gateway cannot. Shown here: who does it gets
nothing by it, those who are online stay so, and somebody is told.
"""

import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from itertools import islice

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_RA, IPv6
from scapy.layers.l2 import ARP, Ether

from firewall.lab import addressing
from firewall.lab.phone import Phone
from firewall.lab.processes import LabError
from portal.demo.world import World
from tests.lab.conftest import LIMITED_SITE
from tests.lab.guest import Guest, fetch_sql, until

pytestmark = pytest.mark.root

EVERYBODY = "ff:ff:ff:ff:ff:ff"
ECHO_HOST = "www.example.com"
KINDS = "SELECT array_agg(DISTINCT detail->>'kind') FROM event WHERE kind = 'impostor'"


@pytest.fixture
def neighbour(world: World, crowd: list[Phone]) -> Guest:
    """A captive phone in the same network."""
    return Guest(world, crowd[0])


def batched(
    devices: Iterable[tuple[str, IPv4Address]], size: int = 50
) -> Iterator[list[tuple[str, IPv4Address]]]:
    """As many at once as the server's socket takes while it writes its file for each."""
    left = iter(devices)
    while some := list(islice(left, size)):
        yield some


def received(phone: Phone) -> int:
    link = addressing.PHONE_INTERFACE
    counter = f"/sys/class/net/{link}/statistics/rx_packets"
    return int(phone.namespace.run(["cat", counter]).stdout)


def test_who_plays_router_or_server_or_gateway_is_told_of(
    world: World, online_phone: Phone, neighbour: Guest
) -> None:
    impostor = neighbour.phone
    gateway = str(world.lab.sites[0].gateway_v4)
    frames = (
        Ether(dst="33:33:00:00:00:01") / IPv6(src="fe80::bad", dst="ff02::1") / ICMPv6ND_RA(),
        Ether(dst=EVERYBODY)
        / IP(src="10.44.0.99", dst="255.255.255.255")
        / UDP(sport=67, dport=68)
        / BOOTP(op=2)
        / DHCP(options=[("message-type", "offer"), "end"]),
        Ether(dst=EVERYBODY) / ARP(op=2, hwsrc=impostor.mac, psrc=gateway, pdst=gateway),
    )
    for frame in frames:
        frame.src = impostor.mac
        impostor.send_frame(bytes(frame))
    wanted = {"router", "dhcp", "gateway_address"}
    until(lambda: set(fetch_sql(world, KINDS) or ()) == wanted, "three alarms")
    told = world.log_file.read_text()
    assert all(f"{impostor.mac} on guest0 plays the {kind}" in told for kind in wanted)
    kept = "SELECT string_agg(detail::text, ' ') FROM event WHERE kind = 'impostor'"
    assert impostor.mac not in fetch_sql(world, kept)
    assert online_phone.ping(gateway).outcome == "answered"
    answer = online_phone.http("http://captive.apple.com/hotspot-detect.html")
    assert answer.status == 200


def test_who_takes_a_guests_address_gets_none_of_its_packets(
    world: World, online_phone: Phone, neighbour: Guest
) -> None:
    """The stranger tells the gateway, again and again, that the guest's address is its own."""
    assert online_phone.lease
    thief, address = neighbour.phone, online_phone.lease.address
    gateway = world.lab.gateway.run(["cat", "/sys/class/net/guest0/address"]).stdout.strip()
    claim = Ether(src=thief.mac, dst=gateway) / ARP(
        op=2, hwsrc=thief.mac, psrc=address, hwdst=gateway, pdst=str(world.lab.sites[0].gateway_v4)
    )

    def is_believed() -> bool:
        thief.send_frame(bytes(claim))
        known = world.lab.gateway.run(["ip", "neigh", "show", "to", address]).stdout
        return thief.mac in known

    stream = online_phone.stream(ECHO_HOST, interval_s=0.01)
    until(is_believed, "the kernel to believe the claim")
    before, lost_before = received(thief), stream.report().lost
    until(lambda: is_believed() and stream.report().lost > lost_before + 100, "packets astray")
    assert received(thief) - before < 50, "of more than a hundred"
    stream.stop()


def test_those_who_have_an_address_keep_it_when_the_pool_is_empty(
    world: World, limited_guest: Guest
) -> None:
    guest = limited_guest
    site = world.lab.sites[LIMITED_SITE]
    assert guest.sign_in().status == 303
    assert guest.phone.lease
    held = guest.phone.lease.address
    first, last = site.pool_v4
    addresses = [IPv4Address(number) for number in range(int(first), int(last) + 1)]
    invented = {
        f"06:00:00:00:{number >> 8:02x}:{number & 0xFF:02x}": address
        for number, address in enumerate(addresses)
    }
    try:
        for some in batched(invented.items()):
            frames = [_dhcp("request", *who, site.gateway_v4) for who in some]
            guest.phone.send_frame(*frames)
        newcomer = world.lab.add_phone(site=LIMITED_SITE)
        with pytest.raises(LabError):
            newcomer.join(timeout_s=3)
        world.lab.remove_phone(newcomer)
        assert guest.phone.renew().address == held
        assert guest.phone.init_reboot().address == held
        assert (guest.is_captive(), guest.is_admitted()) == (False, True)
    finally:
        for some in batched(invented.items()):
            guest.phone.send_frame(*[_dhcp("release", *who, site.gateway_v4) for who in some])
    late = world.lab.add_phone(site=LIMITED_SITE)
    late.join()  # the pool was what was empty
    world.lab.remove_phone(late)


def _dhcp(kind: str, mac: str, address: IPv4Address, server: IPv4Address) -> bytes:
    """A message about one address, which nobody was offered before."""
    octets = bytes.fromhex(mac.replace(":", ""))
    own = str(address) if kind == "release" else "0.0.0.0"  # noqa: S104 - not an address to listen on
    options: list[object] = [("message-type", kind), ("server_id", str(server))]
    if kind == "request":
        options.append(("requested_addr", str(address)))
    (transaction,) = struct.unpack("!I", octets[2:])
    message = BOOTP(chaddr=octets, ciaddr=own, xid=transaction) / DHCP(options=[*options, "end"])
    packet = IP(src=own, dst="255.255.255.255") / UDP(sport=68, dport=67) / message
    return bytes(Ether(src=mac, dst=EVERYBODY) / packet)
