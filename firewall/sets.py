"""The tables' sets: what each holds, what it is called, and how many fit.

Not the rules that use them (chains.py) and not their elements (elements.py). Pure. The rule to
keep: sets are added and never deleted or changed, so that nobody who is online notices a reload.
"""

from collections.abc import Iterator

from firewall.marks import NUMBER_MAX
from firewall.settings import GardenGroup, GateSettings

TABLE = "kvar"

ADMITTED = "admitted"

DOWNLOADS = "downloads"

LEASED = "leased"

LEASES = "leases"

ADDRESSES = "addresses6"

ADDRESS_LIFETIME_S = 600
"""An IPv6 address is remembered for so long after its last new connection."""

_MEMORY = 65_535  # entries of the sets that remember rates; beyond it, devices go unlimited

_RATE_SET = f"type ether_addr; size {_MEMORY}; flags dynamic, timeout; timeout 30s;"

# `update` keeps an entry while packets come; after 30 s of silence every bucket is full anyway
FAMILIES = (("4", "ip", "ipv4_addr"), ("6", "ip6", "ipv6_addr"))


def garden_set(group: GardenGroup, family: str) -> str:
    """Return the name of a garden group's set, `family` being "4" or "6"."""
    return f"garden{family}_{group.name}"


def dnsmasq_lines(settings: GateSettings) -> list[str]:
    """Return the `nftset` lines that make dnsmasq (2.87 or newer) fill the garden's sets."""
    return [
        f"nftset=/{'/'.join(group.names)}/"
        + ",".join(f"{f}#inet#{TABLE}#{garden_set(group, f)}" for f in ("4", "6"))
        for group in settings.garden
        if group.names
    ]


def lines(settings: GateSettings) -> Iterator[str]:
    """Yield what makes the tables and their sets."""
    yield f"add table inet {TABLE}"
    yield f"add table netdev {TABLE}"
    yield _set(
        "map", ADMITTED, f"type ether_addr : mark; size {NUMBER_MAX}; flags timeout; counter;"
    )
    yield _set("set", LEASED, f"type ipv4_addr; size {_MEMORY}; flags timeout;")
    yield _set("set", LEASES, f"type ether_addr . ipv4_addr; size {_MEMORY}; flags timeout;")
    for name in ("syn_rate", "portal_rate", "dns_rate", "stranger_dns_rate"):
        yield _set("set", name, _RATE_SET)
    yield _set("set", "portal_connections", f"type ether_addr; size {_MEMORY}; flags dynamic;")
    for group in settings.garden:
        for family, _, kind in FAMILIES:
            yield _set("set", garden_set(group, family), _garden_type(kind, settings))
    if settings.logged_sites:
        known = "type ether_addr . ipv6_addr; flags dynamic, timeout;"
        lasting = f"size {_MEMORY}; timeout {ADDRESS_LIFETIME_S}s;"
        yield _set("set", ADDRESSES, f"{known} {lasting}")
    size = f"type ether_addr; size {NUMBER_MAX}; flags timeout; counter;"
    yield f"add set netdev {TABLE} {DOWNLOADS} {{ {size} }}"
    yield f"add set netdev {TABLE} dns_answers {{ {_RATE_SET} }}"


def _set(kind: str, name: str, body: str) -> str:
    return f"add {kind} inet {TABLE} {name} {{ {body} }}"


def _garden_type(kind: str, settings: GateSettings) -> str:
    return f"type {kind}; size {_MEMORY}; flags timeout; timeout {settings.garden_lifetime_s}s;"
