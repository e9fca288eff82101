from ipaddress import ip_address, ip_interface

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Ether

from firewall.probes import Sources, Target, choose_targets, encode_probe, interface_of
from firewall.roster import Heard

MAC, OWN = bytes.fromhex("020000007701"), bytes.fromhex("0200000077fe")
OURS = [ip_interface(text) for text in ("10.77.0.1/24", "2001:db8:77::1/64", "fe80::1/64")]
IPV4, IPV6 = ip_address("10.77.0.101"), ip_address("2001:db8:77::101")


def test_an_ipv4_address_is_asked_for_by_unicast_arp():
    frame = Ether(encode_probe(OWN, ip_address("10.77.0.1"), Target(MAC, "guest0", IPV4)))
    assert (frame.dst, frame.src, frame.type) == (MAC.hex(":"), OWN.hex(":"), 0x0806)
    question = frame[ARP]
    assert (question.op, question.psrc, question.pdst) == (1, "10.77.0.1", "10.77.0.101")
    assert (question.hwsrc, question.hwlen, question.plen) == (OWN.hex(":"), 6, 4)


@pytest.mark.parametrize("last", range(1, 40))
def test_an_ipv6_address_is_asked_for_by_unicast_solicitation(last):
    target = ip_address(int(IPV6) + last * 0x1111_2222)
    frame = Ether(encode_probe(OWN, ip_address("fe80::1"), Target(MAC, "guest0", target)))
    assert (frame.dst, frame.type) == (MAC.hex(":"), 0x86DD)
    packet = frame[IPv6]
    assert (packet.src, packet.dst, packet.hlim) == ("fe80::1", str(target), 255)
    assert packet[ICMPv6ND_NS].tgt == str(target)
    assert packet[ICMPv6ND_NS].payload.lladdr == OWN.hex(":")
    sent = packet[ICMPv6ND_NS].cksum
    del packet[ICMPv6ND_NS].cksum
    assert Ether(bytes(frame))[ICMPv6ND_NS].cksum == sent


@pytest.mark.parametrize(
    ("target", "source"),
    [
        (IPV4, "10.77.0.1"),
        (ip_address("10.78.0.1"), None),
        (IPV6, "fe80::1"),
        (ip_address("fe80::7"), "fe80::1"),
    ],
)
def test_we_ask_as_the_neighbour_we_are(target, source):
    found = Sources({"guest0": OURS}).choose("guest0", target)
    assert (found and str(found)) == source


def test_without_a_link_local_address_we_ask_as_what_we_have():
    sources = Sources({"guest0": OURS[:2]})
    assert sources.choose("guest0", IPV6) == OURS[1].ip
    assert sources.choose("guest0", ip_address("2001:db8:78::1")) is None
    assert sources.choose("guest1", IPV6) is None


@pytest.mark.parametrize(
    ("heard", "leased", "addresses"),
    [
        (Heard(), None, []),
        (Heard(), IPV4, [IPV4]),
        (Heard(), ip_address("10.99.0.1"), []),
        (Heard(1.0, "guest0"), None, []),
        (Heard(1.0, "guest0", None, IPV6), IPV4, [IPV4, IPV6]),
        (Heard(1.0, "guest0", IPV4, None), ip_address("10.77.0.9"), [IPV4]),
    ],
)
def test_a_device_is_asked_at_the_addresses_it_had_last(heard, leased, addresses):
    targets = choose_targets(MAC, heard, leased, Sources({"guest1": [], "guest0": OURS}))
    assert targets == [Target(MAC, "guest0", address) for address in addresses]


def test_an_address_with_its_network_comes_from_bytes():
    assert [interface_of(one.packed, one.network.prefixlen) for one in OURS] == OURS
