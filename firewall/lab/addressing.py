"""PURE: every name and address of the lab.

Two labs may use the same addresses, because each lives in namespaces of its own; only the
namespace names differ. The guest IPv6 prefix is a global one (RFC 3849 documentation range), so
that guests reach the internet over IPv6 without address translation.
"""

from __future__ import annotations

import dataclasses
import ipaddress

GUESTS_V4 = "10.0.0.0/8"
GUESTS_V6 = "2001:db8:44::/48"
INTERNET_INTERFACE = "internet0"
PHONE_INTERFACE = "wlan0"


@dataclasses.dataclass(frozen=True, slots=True)
class OuterLink:
    """A wire from the gateway to something that is not a guest: both ends' addresses."""

    interface: str
    """At the gateway; the far end is always internet0."""
    gateway_v4: str
    far_v4: str
    length_v4: int
    gateway_v6: str
    far_v6: str
    length_v6: int = 64


WAN = OuterLink("wan0", "203.0.113.2", "203.0.113.1", 30, "2001:db8:ffff::2", "2001:db8:ffff::1")
MANAGEMENT = OuterLink("mgmt0", "192.168.99.1", "192.168.99.10", 24, "fd99::1", "fd99::10")


@dataclasses.dataclass(frozen=True, slots=True)
class GuestNetwork:
    """One site's guest network: interface at the gateway, prefixes, the gateway's own addresses."""

    interface: str
    prefix_v4: ipaddress.IPv4Network
    gateway_v4: ipaddress.IPv4Address
    prefix_v6: ipaddress.IPv6Network | None
    gateway_v6: ipaddress.IPv6Address | None

    @property
    def pool_v4(self) -> tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]:
        """First and last address of the DHCP pool: all but the first 15 and the broadcast."""
        return self.prefix_v4[16], self.prefix_v4[-2]


def guest_network(site: int, *, ipv6: bool = True) -> GuestNetwork:
    """The guest network of site 0, 1, 2 …: 10.44.0.0/22 and 2001:db8:44::/64, then onwards."""
    prefix_v4 = ipaddress.IPv4Network(f"10.{44 + site}.0.0/22")
    prefix_v6 = ipaddress.IPv6Network(f"2001:db8:44:{site:x}::/64") if ipv6 else None
    return GuestNetwork(
        interface=f"guest{site}",
        prefix_v4=prefix_v4,
        gateway_v4=prefix_v4[1],
        prefix_v6=prefix_v6,
        gateway_v6=prefix_v6[1] if prefix_v6 else None,
    )


def phone_mac(index: int) -> str:
    """A locally administered unicast MAC address for phone 1, 2, 3 … (IEEE 802, bit 1 set)."""
    return f"02:4b:56:{index >> 16 & 0xFF:02x}:{index >> 8 & 0xFF:02x}:{index & 0xFF:02x}"
