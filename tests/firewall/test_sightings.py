"""The filter lets through what devices send to be on the network, and it is read as what it is."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.sightings import FRAME_MAX_BYTES, MUTED_MAX, Sighting, decode_sighting, encode_filter
from tests.firewall.frames import (
    IPV4,
    IPV6,
    MAC,
    UNSPECIFIED,
    arp,
    dhcp,
    dhcpv6,
    ethernet,
    icmpv6,
    ipv4,
    tcp,
    udp,
)

PACKET_TYPE, VLAN_TAG = 0xFFFF_F004, 0xFFFF_F02C


def passes(frame: bytes, program: bytes, *, packet_type: int = 0, vlan_tag: int = 0) -> bool:
    """Run classic BPF as the kernel does; a load behind the frame's end gives the frame up."""
    words = list(struct.iter_unpack("=HBBI", program))
    beside = {PACKET_TYPE: packet_type, VLAN_TAG: vlan_tag}
    a = x = at = 0
    while True:
        code, so, not_so, value = words[at]
        at += 1
        match code:
            case 0x30 | 0x28 | 0x20 | 0x48 if value in beside:
                a = beside[value]
            case 0x30 | 0x28 | 0x20 | 0x48:
                size = {0x30: 1, 0x28: 2, 0x20: 4, 0x48: 2}[code]
                start = value + (x if code == 0x48 else 0)
                if start + size > len(frame):
                    return False
                a = int.from_bytes(frame[start : start + size], "big")
            case 0x54:
                a &= value
            case 0x15:
                at += so if a == value else not_so
            case 0x45:
                at += so if a & value else not_so
            case 0xB1:
                x = 4 * (frame[value] & 0xF)
            case 0x06:
                return bool(value)


WANTED = {
    "arp request": arp(IPV4, "10.77.0.1"),
    "gratuitous arp": arp(IPV4, IPV4),
    "arp answer": arp(IPV4, "10.77.0.1", operation=2),
    "dhcp discover": dhcp(UNSPECIFIED),
    "dhcp renewal": dhcp(IPV4),
    "dhcp behind options": ethernet(0x0800, ipv4(17, udp(67), IPV4, options=8)),
    "router solicitation": icmpv6(133, IPV6),
    "neighbour solicitation": icmpv6(135, IPV6),
    "address looked for": icmpv6(135, "::"),
    "neighbour advertisement": icmpv6(136, IPV6),
    "dhcpv6": dhcpv6(IPV6),
    "dhcp answer": ethernet(0x0800, ipv4(17, udp(68, source=67), IPV4)),
    "dhcp answer behind options": ethernet(0x0800, ipv4(17, udp(68, source=67), IPV4, options=8)),
    "router advertisement": icmpv6(134, IPV6),
}
SERVICES = {
    "dhcp answer": "dhcp",
    "dhcp answer behind options": "dhcp",
    "router advertisement": "router",
}
UNWANTED = {
    "web": ethernet(0x0800, ipv4(6, tcp(443), IPV4)),
    "port 67 of tcp": ethernet(0x0800, ipv4(6, tcp(67), IPV4)),
    "dns": ethernet(0x0800, ipv4(17, udp(53), IPV4)),
    "later fragment": ethernet(0x0800, ipv4(17, udp(67), IPV4, fragment=185)),
    "first fragment of the rest": ethernet(0x0800, ipv4(17, udp(67), IPV4, fragment=1)),
    "ipv6 web": ethernet(0x86DD, struct.pack("!IHBB", 6 << 28, 20, 6, 64) + bytes(32) + tcp(443)),
    "router redirect": icmpv6(137, IPV6),
    "ping": icmpv6(128, IPV6),
    "dns over ipv6": dhcpv6(IPV6, port=53),
    "lldp": ethernet(0x88CC, bytes(40)),
    "from a group": b"\xff" * 6 + b"\x01" + WANTED["arp request"][7:],
    "cut short": WANTED["arp request"][:13],
    "empty": b"",
}


@pytest.mark.parametrize("frame", WANTED.values(), ids=WANTED.keys())
def test_what_devices_send_to_be_there_is_heard(frame):
    assert passes(frame, encode_filter())
    heard = decode_sighting(frame[:FRAME_MAX_BYTES])
    assert heard is not None
    assert heard.mac == MAC
    assert str(heard.address) in (IPV4, IPV6, "None")


@pytest.mark.parametrize("frame", UNWANTED.values(), ids=UNWANTED.keys())
def test_nothing_else_is(frame):
    assert not passes(frame, encode_filter())


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("arp request", IPV4),
        ("dhcp discover", None),
        ("dhcp renewal", IPV4),
        ("neighbour advertisement", IPV6),
        ("address looked for", None),
    ],
)
def test_a_device_tells_its_own_address(name, address):
    sighting = decode_sighting(WANTED[name])
    assert sighting is not None
    assert (sighting.address and str(sighting.address)) == address


@pytest.mark.parametrize("name", WANTED)
def test_what_only_servers_and_routers_say_is_told_apart(name):
    sighting = decode_sighting(WANTED[name][:FRAME_MAX_BYTES])
    assert sighting is not None
    assert sighting.serves == SERVICES.get(name, "")


def test_our_own_frames_and_other_vlans_are_not_heard():
    frame = WANTED["arp request"]
    assert not passes(frame, encode_filter(), packet_type=4)
    assert not passes(frame, encode_filter(), vlan_tag=20)
    assert passes(frame, encode_filter(), vlan_tag=3 << 13)  # a priority, and no VLAN


def test_a_muted_device_is_not_heard_and_its_neighbours_are():
    muted = bytes.fromhex(MAC.replace(":", ""))
    near = [muted[:5] + b"\xee", b"\x06" + muted[1:]]
    frame = WANTED["arp request"]
    assert not passes(frame, encode_filter([muted]))
    for other in near:
        assert passes(frame[:6] + other + frame[12:], encode_filter([muted]))
    many = [bytes([2, 0, 0, 0, 1, number]) for number in range(MUTED_MAX + 5)]
    assert all(not passes(frame[:6] + mac + frame[12:], encode_filter(many)) for mac in many[:16])
    assert passes(frame[:6] + many[-1] + frame[12:], encode_filter(many))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        bytes(11),
        bytes(64),
        b"\xff" * 64,
        WANTED["arp request"][:30],
        WANTED["dhcp renewal"][:29],
        WANTED["dhcpv6"][:37],
        UNWANTED["lldp"],
    ],
)
def test_what_is_no_sighting_is_none(frame):
    assert decode_sighting(frame) is None


@given(st.binary(max_size=FRAME_MAX_BYTES))
def test_any_bytes_are_a_sighting_or_none(data):
    sighting = decode_sighting(data)
    assert sighting is None or sighting.mac == data[6:12].hex(":")
    assert isinstance(passes(data, encode_filter()), bool)


@given(st.binary(min_size=6, max_size=6), st.ip_addresses(v=4))
def test_a_sighting_is_of_who_sent_the_frame(mac, address):
    frame = arp(str(address), "10.77.0.1")
    sighting = decode_sighting(frame[:6] + mac + frame[12:])
    if mac[0] & 1 or not any(mac):
        assert sighting is None
    else:
        assert sighting == Sighting(mac.hex(":"), address if int(address) else None)
