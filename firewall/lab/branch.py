"""A library without a gateway of ours: an access point that is its own router.

Not the access point's rules and not its RADIUS: whoever starts those does it in `Branch.point`.
Three wires: the air (a bridge, to which phones are attached), the internet, and the municipality's
own network, where the portal and the RADIUS server are. The rule to keep: nothing of the branch
passes the gate; towards the portal its devices keep their own addresses.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import TYPE_CHECKING

from firewall.lab.addressing import GuestNetwork
from firewall.lab.dhcp_dns import DhcpDns
from firewall.lab.dnsmasq import GuestService

if TYPE_CHECKING:
    import pathlib

    from firewall.lab.internet import Internet
    from firewall.lab.processes import Namespace

AIR, UPLINK, OFFICE = "br0", "wan0", "office0"
NETWORK = GuestNetwork(
    interface=AIR,
    prefix_v4=ipaddress.IPv4Network("172.20.0.0/24"),
    gateway_v4=ipaddress.IPv4Address("172.20.0.1"),
    prefix_v6=None,
    gateway_v6=None,
)
POINT_ADDRESS, GATEWAY_ADDRESS = "192.168.98.2", "192.168.98.1"
"""On the municipality's network."""
UPLINK_ADDRESS, INTERNET_ADDRESS = "203.0.113.6", "203.0.113.5"
OWN_NAME = "access-point.lab.example"

POINT_SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv6.conf.all.disable_ipv6": 1,
    "net.ipv6.conf.default.disable_ipv6": 1,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Branch:
    """What stands there: `site` is the number that `Lab.add_phone` wants."""

    site: int
    point: Namespace
    dhcp_dns: DhcpDns
    radio: str
    """The MAC address of the bridge."""


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """What a branch is wired to. `portal_v4` is the portal's address, behind the gateway."""

    gateway: Namespace
    internet: Internet
    portal_host: str
    portal_v4: str


def build(site: int, point: Namespace, around: Surroundings, directory: pathlib.Path) -> Branch:
    """Lay the wires in an empty namespace, and start DHCP and DNS."""
    point.sysctl(POINT_SYSCTLS)
    radio = f"02:4b:41:50:00:{site:02x}"
    network = NETWORK
    point.ip(
        [
            f"link add {AIR} address {radio} type bridge forward_delay 0",
            f"addr add {network.gateway_v4}/{network.prefix_v4.prefixlen} dev {AIR}",
            f"link set {AIR} up",
        ]
    )
    _wire_office(point, around)
    around.internet.connect_branch(point.name, UPLINK, INTERNET_ADDRESS, UPLINK_ADDRESS)
    point.ip(
        [
            f"addr add {UPLINK_ADDRESS}/30 dev {UPLINK}",
            f"link set {UPLINK} up",
            f"route add default via {INTERNET_ADDRESS} dev {UPLINK}",
        ]
    )
    return Branch(site, point, _start_dhcp_dns(point, around, directory), radio)


def _wire_office(point: Namespace, around: Surroundings) -> None:
    far = f"type veth peer name {OFFICE} netns {point.name}"
    around.gateway.ip(
        [
            f"link add {OFFICE} {far}",
            f"addr add {GATEWAY_ADDRESS}/24 dev {OFFICE}",
            f"link set {OFFICE} up",
            f"route add {NETWORK.prefix_v4} via {POINT_ADDRESS} dev {OFFICE}",
        ]
    )
    point.ip(
        [
            f"addr add {POINT_ADDRESS}/24 dev {OFFICE}",
            f"link set {OFFICE} up",
            f"route add {around.portal_v4}/32 via {GATEWAY_ADDRESS} dev {OFFICE}",
        ]
    )


def _start_dhcp_dns(point: Namespace, around: Surroundings, directory: pathlib.Path) -> DhcpDns:
    """No option 114: the portal cannot say of a device that it does not see whether it is captive.

    The portal's name resolves to where it is, not to the access point.
    """
    service = GuestService(
        networks=[NETWORK],
        portal_host=OWN_NAME,
        captive_portal_uri=None,
        upstream=[INTERNET_ADDRESS],
        lease_file=str(directory / "leases"),
        further_lines=(
            f"host-record={around.portal_host},{around.portal_v4}",
            f"local=/{around.portal_host}/",
        ),
    )
    dhcp_dns = DhcpDns(point, directory, service)
    dhcp_dns.start()
    return dhcp_dns
