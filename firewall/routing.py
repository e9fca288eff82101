"""rtnetlink messages: the fail-closed rule, links, neighbours.

Not the socket (nft.py) and not when to send them. Pure.
The rule to keep: the fail-closed rule can be added here, and nothing can delete one.
Source: Linux include/uapi/linux/{rtnetlink,fib_rules,neighbour,if_link}.h.
"""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from firewall.netlink import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    Message,
    decode_attributes,
    decode_text,
    encode_attribute,
    encode_message,
)

NEW_LINK, DEL_LINK, GET_LINK = 16, 17, 18
NEW_NEIGHBOUR, DEL_NEIGHBOUR, GET_NEIGHBOUR = 28, 29, 30
NEW_RULE, GET_RULE = 32, 34
NEW_ADDRESS, GET_ADDRESS = 20, 22

IPV4, IPV6 = int(socket.AF_INET), int(socket.AF_INET6)
FAMILIES = (IPV4, IPV6)
RULE_PREFERENCE = 100
"""After the local table (0), so that this machine's own addresses stay reachable."""

_BLACKHOLE = 6  # FR_ACT_BLACKHOLE
_RULE = struct.Struct("=BBBBBBBBI")  # family, dst_len, src_len, tos, table, res, res, action, flags
_NEIGHBOUR = struct.Struct("=BBHiHBB")  # family, pad, pad, ifindex, state, flags, type
_LINK = struct.Struct("=BBHiII")  # family, pad, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix, flags, scope, index
_FRA_PRIORITY, _FRA_IIFNAME, _FRA_FWMARK, _FRA_FWMASK = 6, 3, 10, 16
_NUD_REACHABLE = 0x02
_NUD_RESOLVED = 0x02 | 0x04 | 0x08 | 0x10 | 0x80  # reachable, stale, delay, probe, permanent


@dataclass(frozen=True, slots=True)
class FailClosedRule:
    """Packets from `interface` without any bit of `mask` go nowhere."""

    family: int
    interface: str
    mask: int


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface; `gone` when the message tells of its end."""

    index: int
    name: str
    gone: bool


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A line of the neighbour table; `mac` is None while nobody has answered.

    `reachable`: the kernel has just had a sign of life.
    """

    index: int
    address: IPv4Address | IPv6Address
    mac: bytes | None
    reachable: bool = False


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address of this machine, on an interface, with the length of its network's prefix."""

    index: int
    packed: bytes
    prefix: int


def encode_add_rule(rule: FailClosedRule, sequence: int) -> bytes:
    """Add the rule; EEXIST when it stands."""
    body = _RULE.pack(rule.family, 0, 0, 0, 0, 0, 0, _BLACKHOLE, 0)
    body += encode_attribute(_FRA_PRIORITY, struct.pack("=I", RULE_PREFERENCE))
    body += encode_attribute(_FRA_IIFNAME, rule.interface.encode("ascii") + b"\0")
    body += encode_attribute(_FRA_FWMARK, struct.pack("=I", 0))
    body += encode_attribute(_FRA_FWMASK, struct.pack("=I", rule.mask))
    flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL
    return encode_message(NEW_RULE, flags, sequence, body)


def encode_dump_rules(sequence: int) -> bytes:
    """Ask for all policy routing rules of both families."""
    body = _RULE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)
    return encode_message(GET_RULE, NLM_F_REQUEST | NLM_F_DUMP, sequence, body)


def decode_rule(message: Message) -> FailClosedRule | None:
    """Read a rule, None for one that is not ours."""
    if len(message.payload) < _RULE.size:
        return None
    family, *_, action, _ = _RULE.unpack_from(message.payload)
    attributes = decode_attributes(message.payload[_RULE.size :])
    mark, mask = (_word(attributes.get(kind)) for kind in (_FRA_FWMARK, _FRA_FWMASK))
    ours = _word(attributes.get(_FRA_PRIORITY)) == RULE_PREFERENCE and action == _BLACKHOLE
    if not ours or mark:
        return None
    return FailClosedRule(family, decode_text(attributes.get(_FRA_IIFNAME)), mask)


def encode_dump_links(sequence: int) -> bytes:
    """Ask for all interfaces."""
    return encode_message(GET_LINK, NLM_F_REQUEST | NLM_F_DUMP, sequence, _LINK.pack(*[0] * 6))


def decode_link(message: Message) -> Link | None:
    """Read an interface, None for another message."""
    if message.kind not in (NEW_LINK, DEL_LINK) or len(message.payload) < _LINK.size:
        return None
    family, _, _, index, _, _ = _LINK.unpack_from(message.payload)
    if family:  # a bridge tells of its ports under AF_BRIDGE; they come and go by themselves
        return None
    name = decode_text(decode_attributes(message.payload[_LINK.size :]).get(3))
    return Link(index, name, message.kind == DEL_LINK)


def encode_get_neighbour(index: int, address: IPv4Address | IPv6Address, sequence: int) -> bytes:
    """Ask for the neighbour with this address on this interface; ENOENT when there is none."""
    family = IPV4 if address.version == 4 else IPV6
    body = _NEIGHBOUR.pack(family, 0, 0, index, 0, 0, 0) + encode_attribute(1, address.packed)
    return encode_message(GET_NEIGHBOUR, NLM_F_REQUEST, sequence, body)


def decode_neighbour(message: Message) -> Neighbour | None:
    """Read a neighbour, None for another message or one without an IP address."""
    known = message.kind in (NEW_NEIGHBOUR, DEL_NEIGHBOUR)
    if not known or len(message.payload) < _NEIGHBOUR.size:
        return None
    _, _, _, index, state, _, _ = _NEIGHBOUR.unpack_from(message.payload)
    attributes = decode_attributes(message.payload[_NEIGHBOUR.size :])
    address, mac = attributes.get(1, b""), attributes.get(2, b"")
    if len(address) not in (4, 16):
        return None
    resolved = message.kind == NEW_NEIGHBOUR and state & _NUD_RESOLVED and len(mac) == 6
    reachable = bool(resolved and state & _NUD_REACHABLE)
    return Neighbour(index, ip_address(address), mac if resolved else None, reachable)


def encode_dump_neighbours(sequence: int) -> bytes:
    """Ask for the whole neighbour table, both families."""
    body = _NEIGHBOUR.pack(0, 0, 0, 0, 0, 0, 0)
    return encode_message(GET_NEIGHBOUR, NLM_F_REQUEST | NLM_F_DUMP, sequence, body)


def encode_dump_addresses(sequence: int) -> bytes:
    """Ask for all addresses of this machine."""
    flags = NLM_F_REQUEST | NLM_F_DUMP
    return encode_message(GET_ADDRESS, flags, sequence, _ADDRESS.pack(0, 0, 0, 0, 0))


def decode_own_address(message: Message) -> OwnAddress | None:
    """Read an address of this machine, None for another message."""
    if message.kind != NEW_ADDRESS or len(message.payload) < _ADDRESS.size:
        return None
    _, prefix, _, _, index = _ADDRESS.unpack_from(message.payload)
    attributes = decode_attributes(message.payload[_ADDRESS.size :])
    packed = attributes.get(2) or attributes.get(1, b"")  # on a point-to-point link 1 is the peer's
    longest = {4: 32, 16: 128}.get(len(packed), -1)
    return OwnAddress(index, packed, prefix) if prefix <= longest else None


def _word(value: bytes | None) -> int:
    return struct.unpack("=I", value)[0] if value is not None and len(value) == 4 else 0
