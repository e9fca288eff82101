"""Where visitors' browsers come from, and where a page's form may lead them. Pure.

Not who the visitor is (radius_bridge/vendors).
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

from radius_bridge.vendors.redirects import read_address


def comes_from(ip: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Say whether an address is in one of the networks; in any where none is named."""
    wanted = tuple(networks)
    if not wanted:
        return True
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    return any(network.version == address.version and address in network for network in wanted)


def form_sources(host: str) -> tuple[str, ...]:
    """Return a registered host's sources: without a port, those of the family may be any."""
    named = host if ":" in host.rpartition("]")[2] else f"{host}:*"
    return f"https://{named}", f"http://{named}"


def origin_of(value: str) -> str | None:
    """Return the origin of a value that is a web address; None: it is none."""
    address = read_address(value) if value.startswith("http") else None
    return None if address is None else f"{address.scheme}://{address.host}:{address.port}"
