"""Frames that ask one device for a sign of life: unicast ARP and neighbour solicitation.

Not the sending (prober.py). Pure.
The rule to keep: unicast, so that nobody else wakes for it, and the sender's addresses are this
machine's own, so that a device answers as it would answer its router.
Sources: RFC 826, RFC 1122 2.3.2.1 (unicast poll), RFC 4861 4.3 and 7.3, RFC 4443 2.3.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_interface
from typing import NamedTuple

from firewall.roster import Heard
from firewall.sightings import Address

Interface = IPv4Interface | IPv6Interface

_ARP = struct.Struct("!HHBBH6s4s6s4s")  # hardware, protocol, their lengths, operation, who, whom
_IPV6 = struct.Struct("!IHBB16s16s")  # version, length, next header, hop limit, from, to
_SOLICITATION = struct.Struct("!BBHI16sBB6s")  # type, code, checksum, -, target, option 1, 8 bytes
_ICMPV6 = 58


class Target(NamedTuple):
    """A device to ask: its MAC address, the guest interface it is on, an address of its own."""

    mac: bytes
    interface: str
    address: Address


class Sources:
    """This machine's own addresses by guest interface: as whom to ask."""

    def __init__(self, own: Mapping[str, Sequence[Interface]]) -> None:
        self._own = {name: sorted(map(_as_rule, ours), key=_mask) for name, ours in own.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def choose(self, interface: str, target: Address) -> Address | None:
        """Return the address of ours that the target has as its neighbour, None without one."""
        value, version = int(target), target.version
        for mask, network, ours in self._own.get(interface, ()):
            if value & mask == network and ours.version == version:
                return ours
        return None


def _as_rule(one: Interface) -> tuple[int, int, Address]:
    if one.version == 6 and one.ip.is_link_local:
        return 0, 0, one.ip  # RFC 4861 7.2.2: a router is known to all by this one
    return int(one.netmask), int(one.network.network_address), one.ip


def _mask(rule: tuple[int, int, Address]) -> int:
    return rule[0]


def choose_targets(
    mac: bytes, heard: Heard, leased: IPv4Address | None, sources: Sources
) -> list[Target]:
    """Return what to ask of a device: at most one question for each kind of address.

    Args:
        mac: the device.
        heard: where it was heard, with what addresses.
        leased: the address that its lease gives it, if any.
        sources: this machine's own addresses.
    """
    ipv4 = heard.ipv4 or leased
    interface = heard.interface or (_facing(ipv4, sources) if ipv4 else "")
    addresses = [address for address in (ipv4, heard.ipv6) if address]
    return [Target(mac, interface, address) for address in addresses] if interface else []


def _facing(address: IPv4Address, sources: Sources) -> str:
    return next((name for name in sources if sources.choose(name, address)), "")


def encode_probe(own_mac: bytes, own: Address, target: Target) -> bytes:
    """Write the whole Ethernet frame. `own` is of the same version as the target's address."""
    address = target.address
    if isinstance(address, IPv4Address):
        question = _ARP.pack(1, 0x0800, 6, 4, 1, own_mac, own.packed, bytes(6), address.packed)
        return target.mac + own_mac + b"\x08\x06" + question
    return target.mac + own_mac + b"\x86\xdd" + _solicitation(own_mac, own.packed, address)


def _solicitation(own_mac: bytes, own: bytes, target: IPv6Address) -> bytes:
    fields = (135, 0, 0, 0, target.packed, 1, 1, own_mac)
    size = _SOLICITATION.size
    pseudo = own + target.packed + struct.pack("!II", size, _ICMPV6)
    checksum = _checksum(pseudo + _SOLICITATION.pack(*fields))
    header = _IPV6.pack(6 << 28, size, _ICMPV6, 255, own, target.packed)
    return header + _SOLICITATION.pack(135, 0, checksum, *fields[3:])


def _checksum(data: bytes) -> int:
    """RFC 1071; the length is even."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def interface_of(packed: bytes, prefix: int) -> Interface:
    """Return an address with its network, from bytes."""
    address = IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
    return ip_interface((address, prefix))
