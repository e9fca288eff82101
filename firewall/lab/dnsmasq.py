"""PURE: the text of a dnsmasq configuration for a guest gateway (dnsmasq 2.90, Debian 12).

Used by the lab and by the deployment's documents alike. What it cannot do: the router
advertisement's option 37 (RFC 8910); dnsmasq 2.90 has no way to send it, and neither has Debian
12's radvd 2.19, so the lab has an advertiser of its own and dnsmasq's stays off.
The rule to keep: names resolve truthfully; nothing is made up but the portal's own name and the
one name that asks browsers to use this network's resolver.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from firewall.lab.addressing import GuestNetwork

# A, CNAME, SOA, AAAA, OPT and HTTPS pass; the rest serves tunnels, mail and zone transfers, none
# of which a captive phone needs. dnsmasq takes a list of what to remove, so: every type up to CAA
# (257), and the private range (RFC 6895, 3.1), where DNS tunnels live.
PASSING_TYPES = frozenset({1, 5, 6, 28, 41, 65})
REMOVED_TYPES = tuple(
    kind
    for kind in (*range(1, 258), 32768, 32769, *range(65280, 65535))
    if kind not in PASSING_TYPES
)
REMOVED_TYPES_PER_LINE = 32
# Firefox turns its own DNS over HTTPS off when this name does not exist (Mozilla, canary domain).
DNS_OVER_HTTPS_CANARY = "use-application-dns.net"
DHCPV4_CAPTIVE_PORTAL, DHCPV6_CAPTIVE_PORTAL = 114, 103  # RFC 8910


@dataclasses.dataclass(frozen=True, slots=True)
class GardenName:
    """A host, and all below it, whose addresses go into two nft sets."""

    host: str
    set_v4: str
    set_v6: str


@dataclasses.dataclass(frozen=True, slots=True)
class GuestService:
    """All that the text depends on."""

    networks: Sequence[GuestNetwork]
    portal_host: str
    """Resolves to the first network's gateway addresses, at every site."""
    captive_portal_uri: str | None
    """RFC 8908 API, announced by DHCPv4 114 and DHCPv6 103; None announces nothing."""
    upstream: Sequence[str]
    """Resolvers to forward to: address, or address#port."""
    lease_file: str
    lease_s: int = 12 * 3600
    garden: Sequence[GardenName] = ()
    garden_table: str = "inet#kvar"
    """Family and name of the nft table with the garden's sets."""
    further_lines: Sequence[str] = ()
    """Options as they stand, such as `nftset=` lines that the gate renders itself."""
    user: str = "dnsmasq"
    group: str = "dnsmasq"


def render(service: GuestService) -> str:
    """The whole configuration file, one option a line."""
    sections = (
        _process(service),
        _names(service),
        _addresses(service),
        _announcement(service),
        _garden(service),
    )
    return "\n".join(line for section in sections for line in (*section, ""))


def _process(service: GuestService) -> Iterator[str]:
    yield "# Process"
    yield f"user={service.user}"
    yield f"group={service.group}"
    yield "conf-file="
    yield "bind-dynamic"
    yield "except-interface=lo"
    yield from (f"interface={network.interface}" for network in service.networks)


def _names(service: GuestService) -> Iterator[str]:
    """DNS: truthful, forwarded, and no more than A, AAAA and HTTPS records."""
    first = service.networks[0]
    addresses = [str(first.gateway_v4), *([str(first.gateway_v6)] if first.gateway_v6 else [])]
    yield "# Names"
    yield "no-resolv"
    yield "no-hosts"
    yield "domain-needed"
    yield "bogus-priv"
    yield "cache-size=10000"
    yield "dns-forward-max=1000"
    yield from (f"server={upstream}" for upstream in service.upstream)
    yield f"host-record={service.portal_host},{','.join(addresses)}"
    yield f"local=/{service.portal_host}/"
    yield from record_lines()


def record_lines() -> Iterator[str]:
    """No more than A, AAAA and HTTPS records, and browsers asked to use this resolver."""
    yield f"address=/{DNS_OVER_HTTPS_CANARY}/"
    for start in range(0, len(REMOVED_TYPES), REMOVED_TYPES_PER_LINE):
        kinds = REMOVED_TYPES[start : start + REMOVED_TYPES_PER_LINE]
        yield f"filter-rr={','.join(map(str, kinds))}"


def _addresses(service: GuestService) -> Iterator[str]:
    """DHCP: authoritative (INIT-REBOOT is answered), leases survive a restart."""
    yield "# Addresses"
    yield "dhcp-authoritative"
    yield f"dhcp-leasefile={service.lease_file}"
    yield "dhcp-lease-max=100000"
    # The wait for a ping answer before an offer would slow every arrival by three seconds.
    yield "no-ping"
    for network in service.networks:
        first, last = network.pool_v4
        tag, netmask = network.interface, network.prefix_v4.netmask
        yield f"dhcp-range=set:{tag},{first},{last},{netmask},{service.lease_s}"
        yield f"dhcp-option=tag:{tag},option:router,{network.gateway_v4}"
        yield f"dhcp-option=tag:{tag},option:dns-server,{network.gateway_v4}"
        if network.prefix_v6 is not None:
            yield from _addresses_v6(network, service.lease_s)


def _addresses_v6(network: GuestNetwork, lease_s: int) -> Iterator[str]:
    """Phones make their own addresses; DHCPv6 answers those that ask for options (RFC 8415)."""
    if network.prefix_v6 is None:
        return
    tag = f"{network.interface}v6"
    first, last = network.prefix_v6[0x10000], network.prefix_v6[0x1FFFF]
    yield f"dhcp-range=set:{tag},{first},{last},64,{lease_s}"
    yield f"dhcp-option=tag:{tag},option6:dns-server,[{network.gateway_v6}]"


def _announcement(service: GuestService) -> Iterator[str]:
    """The same bytes in both, sent unasked too (RFC 8910, 2.1 and 2.2)."""
    yield "# Captive portal (RFC 8910)"
    if service.captive_portal_uri is not None:
        yield from announcement_lines(service.captive_portal_uri)


def announcement_lines(uri: str) -> Iterator[str]:
    """DHCPv4 option 114 and DHCPv6 option 103 with the API's URI."""
    yield f"dhcp-option-force={DHCPV4_CAPTIVE_PORTAL},{uri}"
    yield f"dhcp-option-force=option6:{DHCPV6_CAPTIVE_PORTAL},{uri}"


def _garden(service: GuestService) -> Iterator[str]:
    yield "# Walled garden: addresses of these names go into nft sets"
    for name in service.garden:
        table = service.garden_table
        yield f"nftset=/{name.host}/4#{table}#{name.set_v4},6#{table}#{name.set_v6}"
    yield from service.further_lines
