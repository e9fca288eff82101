"""PURE: ICMPv6 router advertisements, written for the gateway and read by phones (RFC 4861).

Carries the captive-portal option 37 (RFC 8910, 2.3), which dnsmasq 2.90 cannot send.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ipaddress

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
PREFIX_INFORMATION, RECURSIVE_DNS, CAPTIVE_PORTAL = 3, 25, 37
HOP_LIMIT = 64
OTHER_CONFIGURATION = 0x40  # options by DHCPv6 (RFC 4861, 4.2)
ON_LINK_AUTONOMOUS = 0xC0
ROUTER_LIFETIME_S = 1800
PREFIX_VALID_S, PREFIX_PREFERRED_S = 86400, 14400
HEADER_OCTETS = 16


def encode(
    prefix: ipaddress.IPv6Network, resolver: ipaddress.IPv6Address, uri: str | None
) -> bytes:
    """The ICMPv6 message; the checksum field is left 0 for the kernel to fill in."""
    header = struct.pack(
        "!BBHBBHII",
        ROUTER_ADVERTISEMENT,
        0,
        0,
        HOP_LIMIT,
        OTHER_CONFIGURATION,
        ROUTER_LIFETIME_S,
        0,
        0,
    )
    information = struct.pack(
        "!BBIII", prefix.prefixlen, ON_LINK_AUTONOMOUS, PREFIX_VALID_S, PREFIX_PREFERRED_S, 0
    )
    options = [
        _option(PREFIX_INFORMATION, information + prefix.network_address.packed),
        _option(RECURSIVE_DNS, struct.pack("!HI", 0, ROUTER_LIFETIME_S) + resolver.packed),
    ]
    if uri:
        options.append(_option(CAPTIVE_PORTAL, uri.encode("ascii")))
    return header + b"".join(options)


def _option(kind: int, value: bytes) -> bytes:
    """Type, length in units of 8 octets, value padded with NUL (RFC 8910 wants NUL here)."""
    padded = value + b"\0" * (-(len(value) + 2) % 8)
    return bytes([kind, (len(padded) + 2) // 8]) + padded


def decode_options(message: bytes) -> list[tuple[int, bytes]]:
    """All options of an advertisement, in order, padding included; stops at a broken one."""
    options = []
    position = HEADER_OCTETS
    while position + 2 <= len(message):
        kind, length = message[position], message[position + 1] * 8
        if length == 0 or position + length > len(message):
            break
        options.append((kind, message[position + 2 : position + length]))
        position += length
    return options
