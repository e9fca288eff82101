"""PURE: the text of a dnsmasq configuration for a guest gateway (dnsmasq 2.90, Debian 12).

Used by the lab and by the deployment's documents alike. What it cannot do: the router
advertisement's option 37 (RFC 8910); dnsmasq 2.90 has no way to send it, and radvd only from 2.20
(`AdvCaptivePortalAPI`), so a site that advertises it needs another router advertiser.
The rule to keep: names resolve truthfully; nothing is spoofed but the portal's own name.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from firewall.lab.addressing import GuestNetwork


@dataclasses.dataclass(frozen=True, slots=True)
class GardenName:
    """A host, and all below it, whose addresses go into two nft sets of the table `inet kvar`."""

    host: str
    set_v4: str
    set_v6: str


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """All that the text depends on."""

    networks: Sequence[GuestNetwork]
    portal_host: str
    captive_portal_uri: str | None
    upstream: Sequence[str]
    """Resolvers to forward to; an address, optionally with #port."""
    lease_file: str
    lease_s: int = 12 * 3600
    garden: Sequence[GardenName] = ()
    table: str = "inet#kvar"
    user: str = "dnsmasq"
    group: str = "dnsmasq"


def render(service: Service) -> str:
    """The whole configuration file."""
    raise NotImplementedError
