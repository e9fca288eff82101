"""What the gate is told about its machine: networks, ports, limits.

Not where it comes from (the portal's configuration) and not what follows from it (ruleset.py).
The rule to keep: standard types only, checked once here, so that rule text made of them is safe.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from firewall.port_blocks import PortBlocks

PROFILES_MAX = 16
"""The profile has four bits in the packet mark."""
DEVICES_MAX = 20_000
"""Default cap of admitted devices; the mark has 15 bits for their numbers."""

Network = IPv4Network | IPv6Network

PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # RFC 6890: this network
        "10.0.0.0/8",  # RFC 1918
        "100.64.0.0/10",  # RFC 6598: shared with the provider's NAT
        "127.0.0.0/8",  # RFC 1122: loopback
        "169.254.0.0/16",  # RFC 3927: link-local, cloud metadata
        "172.16.0.0/12",  # RFC 1918
        "192.168.0.0/16",  # RFC 1918
        "224.0.0.0/4",  # RFC 1112: multicast
        "240.0.0.0/4",  # RFC 1112: reserved, and the limited broadcast
        "::/96",  # RFC 4291: unspecified, loopback, IPv4-compatible
        "::ffff:0:0/96",  # RFC 4291: IPv4-mapped
        "fc00::/7",  # RFC 4193: unique local
        "fe80::/10",  # RFC 4291: link-local
        "ff00::/8",  # RFC 4291: multicast
    )
)

_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,15}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+")


@dataclass(frozen=True, slots=True)
class GuestNetwork:
    """An interface guests are on, and the site it belongs to.

    `addresses`: addresses of this machine, beside those of the interface itself, where these
    guests may reach the portal.
    """

    interface: str
    site: str
    addresses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(_INTERFACE, self.interface, "interface name")
        for address in self.addresses:
            ip_address(address)


@dataclass(frozen=True, slots=True)
class GardenGroup:
    """Hosts everybody may reach on one port, session or not.

    Names are learned from the resolver's answers (dnsmasq `nftset`), addresses stand as they are.
    """

    name: str
    hosts: tuple[str, ...]
    port: int
    protocol: Literal["tcp", "udp"] = "tcp"

    def __post_init__(self) -> None:
        _check(_NAME, self.name, "garden name")
        _check_port(self.port)
        if self.protocol not in ("tcp", "udp"):
            raise ValueError(f"protocol must be tcp or udp: {self.protocol!r}")
        for host in self.hosts:
            if not _is_address(host):
                _check(_HOST, host, "host name")

    @property
    def names(self) -> tuple[str, ...]:
        """Hosts given by name."""
        return tuple(host for host in self.hosts if not _is_address(host))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Hosts given by address."""
        return tuple(host for host in self.hosts if _is_address(host))


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """Everything the gate needs to know.

    Raises:
        ValueError: a value is impossible; the text names it.
    """

    guest_networks: tuple[GuestNetwork, ...]
    uplinks: tuple[str, ...] = ()
    """Interfaces to the internet; none given means any that is not a guest interface."""
    http_port: int = 80
    """Where the portal listens; what strangers ask on port 80 of any address goes there."""
    https_port: int = 443
    connections_per_device: int = 30
    """Open connections to the portal; a browser opens up to 6 a host name, a phone probes 2-4."""
    new_connections_per_second: int = 30
    """To the portal, per device; the burst is twice that."""
    dns_queries_per_second: int = 50
    """Of an admitted device, to the gateway's resolver; the burst is four times that."""
    stranger_dns_bytes_per_second: int = 700
    """Each way, so that a tunnel carries under 1 kB/s; the burst is 16 kB."""
    profiles: Mapping[str, int] = field(default_factory=lambda: {"default": 0})
    """Bandwidth and filter classes: name to number 0-15, found again in the packet mark."""
    garden: tuple[GardenGroup, ...] = ()
    garden_lifetime_s: int = 3600
    """How long a learned address stays open after the resolver last gave it."""
    internal_networks: tuple[Network, ...] = PRIVATE_NETWORKS
    """Never reachable from guest networks (management, library system, other sites)."""
    allowed_networks: tuple[Network, ...] = ()
    """Exceptions from `internal_networks`: a printer, a catalogue."""
    masquerade_ipv4: bool = True
    masquerade_ipv6: bool = False
    """Off where the guest network has a routed prefix."""
    lease_files: tuple[Path, ...] = ()
    """Of dnsmasq; an IPv4 address leased to one device is refused from any other."""
    trusted_machines: frozenset[str] = frozenset()
    """MAC addresses that may announce a router, answer DHCP, or have this machine's addresses."""
    socket_path: Path = Path("/run/kvar/gate.sock")
    allowed_uids: frozenset[int] = frozenset({0})
    """Who may speak to the gate, by SO_PEERCRED."""
    devices_max: int = DEVICES_MAX
    logged_sites: frozenset[str] = frozenset()
    """Sites whose devices get ports of their own, and whose IPv6 addresses are remembered for a
    while, so that somebody may write down who had which. None: the rules are those of before."""
    ports_per_device: int = 256
    snapshot_path: Path | None = None
    """Who was admitted before a power cut; the keeper writes it. None: nobody is let in by it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "profiles", MappingProxyType(dict(self.profiles)))
        _check_networks(self)
        _check_profiles(self.profiles)
        unknown = self.logged_sites - set(self.sites.values())
        if unknown:
            raise ValueError(f"no such site to keep addresses of: {min(unknown)}")
        PortBlocks(self.ports_per_device)
        for port in (self.http_port, self.https_port):
            _check_port(port)
        for mac in self.trusted_machines:
            _check(_MAC, mac, "MAC address")
        if not 1 <= self.devices_max <= 0x7FFF:
            raise ValueError("devices_max must be 1-32767")
        positive = (
            self.connections_per_device,
            self.new_connections_per_second,
            self.dns_queries_per_second,
            self.stranger_dns_bytes_per_second,
            self.garden_lifetime_s,
        )
        if min(positive) < 1:
            raise ValueError("limits must be at least 1")

    @property
    def port_blocks(self) -> PortBlocks | None:
        """The ports of the devices' own, None where no site wants them."""
        return PortBlocks(self.ports_per_device) if self.logged_sites else None

    @property
    def logged_interfaces(self) -> tuple[str, ...]:
        """The guest interfaces of the sites that want them."""
        return tuple(n.interface for n in self.guest_networks if n.site in self.logged_sites)

    @property
    def sites(self) -> Mapping[str, str]:
        """Guest interface to site."""
        return {network.interface: network.site for network in self.guest_networks}


def _check_networks(settings: GateSettings) -> None:
    interfaces = [network.interface for network in settings.guest_networks]
    if not interfaces:
        raise ValueError("no guest network")
    if len(set(interfaces)) != len(interfaces):
        raise ValueError("an interface is named for two guest networks")
    for uplink in settings.uplinks:
        _check(_INTERFACE, uplink, "interface name")
        if uplink in interfaces:
            raise ValueError(f"{uplink} cannot be both guest network and uplink")
    names = [group.name for group in settings.garden]
    if len(set(names)) != len(names):
        raise ValueError("two garden groups of one name")


def _check_profiles(profiles: Mapping[str, int]) -> None:
    if "default" not in profiles:
        raise ValueError("a profile named default is needed")
    for name, number in profiles.items():
        _check(_NAME, name, "profile")
        if not 0 <= number < PROFILES_MAX:
            raise ValueError(f"profile {name} must have a number 0-15")
    if len(set(profiles.values())) != len(profiles):
        raise ValueError("two profiles of one number")


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise ValueError(f"not a usable {what}: {value!r}")


def _check_port(port: int) -> None:
    if not 1 <= port <= 0xFFFF:
        raise ValueError(f"not a port: {port}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
