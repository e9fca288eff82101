"""The rules that every packet of a guest network meets, chain by chain.

Not the sets they look into (sets.py) and not the text that is applied (ruleset.py). Pure. The rule
to keep: a chain whose hook or priority changes gets a new name, because the kernel cannot change
them; each answers with a refusal where it can, for silence makes phones wait.
"""

from collections.abc import Collection, Iterable, Iterator

from firewall.marks import (
    CAPTURED_BASE,
    CAPTURED_COUNT,
    CAPTURED_SEED,
    FORWARDED,
    GARDEN,
    MAY_LEAVE,
    NUMBER_MASK,
    NUMBER_SHIFT,
    PASS,
)
from firewall.port_blocks import SHARED_PORTS, PortBlocks
from firewall.sets import ADDRESSES, ADMITTED, DOWNLOADS, FAMILIES, LEASED, LEASES, garden_set
from firewall.settings import GateSettings, Network

SYN_RATE_PER_SECOND = 200
"""Of one stranger, before connection tracking: a flood costs a set look-up and nothing else."""

Chain = tuple[str, str, list[str]]  # name, hook (empty for a plain chain), rules


def inet_chains(settings: GateSettings) -> list[Chain]:
    """Return the chains of `inet`, in the order in which they may name each other."""
    guests = _names(network.interface for network in settings.guest_networks)
    other = f"iifname != {guests} return"
    return [
        (
            "flood",
            "type filter hook prerouting priority -300; policy accept;",
            [other, *_flood()],
        ),
        (
            "answers",
            "type filter hook output priority -300; policy accept;",
            [f"oifname {guests} udp sport . udp dport {{ 67 . 68, 547 . 546 }} notrack"],
        ),
        ("garden", "", _garden(settings)),
        (
            "admit",
            "type filter hook prerouting priority -150; policy accept;",
            [other, *_admit(settings)],
        ),
        ("strangers", "", _strangers(settings)),
        (
            "capture",
            "type nat hook prerouting priority -100; policy accept;",
            [other, *_capture(settings)],
        ),
        ("refuse", "", _refuse()),
        ("portal", "", _portal(settings)),
        ("resolver", "", _resolver(settings)),
        ("services", "", _services(settings)),
        ("to_gateway", "", _to_gateway(settings)),
        (
            "input",
            "type filter hook input priority -5; policy accept;",
            [f"iifname {guests} goto to_gateway"],
        ),
        ("from_guest", "", _from_guest(settings, guests)),
        ("to_guest", "", _to_guest()),
        (
            "forward",
            "type filter hook forward priority -5; policy accept;",
            [f"iifname {guests} goto from_guest", f"oifname {guests} goto to_guest"],
        ),
        *_own_ports(settings),
        (
            "translate",
            "type nat hook postrouting priority 100; policy accept;",
            _translate(settings, guests),
        ),
    ]


def _flood() -> list[str]:
    """A flood must not fill the connection table, where everybody's connections live.

    A stranger's flood of openings ends here; pings of the gateway and DHCP requests, which may
    come from any number of invented addresses, are answered without an entry.
    """
    limit = f"limit rate over {SYN_RATE_PER_SECOND}/second burst {2 * SYN_RATE_PER_SECOND} packets"
    opening = f"tcp flags & (fin|syn|rst|ack) == syn ether saddr != @{ADMITTED}"
    near = "fib daddr type { local, broadcast, multicast } notrack"
    return [
        f"{opening} update @syn_rate {{ ether saddr {limit} }} drop",
        "meta l4proto tcp return",
        f"udp dport {{ 67, 547 }} udp sport {{ 68, 546 }} {near}",  # two bitmaps, not a hash
        f"icmp type echo-request {near}",
        f"icmpv6 type echo-request {near}",
    ]


def _garden(settings: GateSettings) -> list[str]:
    rules = []
    for group in settings.garden:
        port = f"{group.protocol} dport {group.port} meta mark set {GARDEN:#x}"
        for family, field, _ in FAMILIES:
            rules.append(f"{field} daddr @{garden_set(group, family)} {port}")
            fixed = [text for text in group.addresses if (":" in text) == (family == "6")]
            if fixed:
                rules.append(f"{field} daddr {{ {', '.join(fixed)} }} {port}")
    return rules


def _admit(settings: GateSettings) -> list[str]:
    """Look every packet up, also of connections that stand: a session's end ends them."""
    # in this order, because nearly every device has a lease, and then one look-up is enough
    other_lease = f"meta protocol ip ether saddr . ip saddr != @{LEASES} ip saddr @{LEASED} drop"
    return [
        "meta mark set 0",
        f"meta mark set ether saddr map @{ADMITTED}",
        *([other_lease] if settings.lease_files else []),
        "meta mark 0 jump garden",
        "meta mark 0 goto strangers",
        # no IPv6 address but of this network (RFC 2827); IPv4 leaves under the gateway's own.
        # Neighbour discovery, which may have no address yet, is never a new connection
        "meta nfproto ipv6 ct state new fib saddr . iif oif missing drop",
        *_noted(settings),
    ]


def _noted(settings: GateSettings) -> list[str]:
    """Remember the addresses connections were opened from: what leaves translated needs none."""
    if not settings.logged_sites or settings.masquerade_ipv6:
        return []
    new = f"iifname {_names(settings.logged_interfaces)} meta nfproto ipv6 ct state new"
    return [f"{new} update @{ADDRESSES} {{ ether saddr . ip6 saddr }}"]


def _capture(settings: GateSettings) -> list[str]:
    mark = (
        f"ct mark set jhash ether saddr mod {CAPTURED_COUNT} "
        f"seed {CAPTURED_SEED:#x} offset {CAPTURED_BASE}"
    )
    moved = [
        f"fib daddr . iif type local tcp dport {known} redirect to :{port}"
        for known, port in ((80, settings.http_port), (443, settings.https_port))
        if known != port
    ]
    return [
        *moved,
        f"meta mark & {MAY_LEAVE:#x} != 0 return",
        "fib daddr . iif type { local, broadcast, multicast, anycast } return",
        *_own_addresses(settings, "return"),
        f"tcp dport 80 {mark} redirect to :{settings.http_port}",
        f"meta l4proto {{ tcp, udp }} th dport 53 {mark} redirect to :53",
    ]


def _strangers(settings: GateSettings) -> list[str]:
    """Nothing of a stranger reaches routing; an early no makes phones show the login page."""
    return [
        "ct status dnat accept",  # captured; if by somebody else's rule, routing stops it
        "fib daddr . iif type { local, broadcast, multicast, anycast } accept",
        *_own_addresses(settings, "accept"),
        # about to be captured
        "ct state new tcp dport 80 accept",
        "ct state new meta l4proto { tcp, udp } th dport 53 accept",
        # a guest's connection for which the session is missing for a moment, while somebody
        # flushes our rules or they are put up again: silence it outlives, a reset it does not
        f"ct mark & {PASS:#x} != 0 drop",
        "goto refuse",
    ]


def _refuse() -> list[str]:
    return [
        "meta l4proto tcp reject with tcp reset",  # plain reject would send ICMP for TCP too
        "reject with icmpx port-unreachable",
    ]


def _to_gateway(settings: GateSettings) -> list[str]:
    """What is needed to be on the network at all; then services, at this network's addresses."""
    multicast = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"
    return [
        "udp sport 68 udp dport 67 accept",
        "udp sport 546 udp dport 547 accept",
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept",
        f"icmpv6 type {{ {multicast} }} accept",
        "fib daddr . iif type { broadcast, multicast, anycast } drop",
        *_own_addresses(settings, "goto services"),
        "fib daddr . iif type != local goto refuse",
        "goto services",
    ]


def _services(settings: GateSettings) -> list[str]:
    errors = "destination-unreachable, time-exceeded, parameter-problem"
    captured = CAPTURED_BASE  # only these have this bit
    return [
        f"icmp type {{ echo-request, {errors} }} accept",
        f"icmpv6 type {{ echo-request, packet-too-big, {errors} }} accept",
        # captured before the login: sent again, it meets the genuine host, once it is deleted (a
        # reset from here, behind the redirection, never arrives: measured on Linux 6.18). Names
        # asked over UDP are answered until then
        f"meta l4proto tcp meta mark & {PASS:#x} != 0 ct mark & {captured:#x} != 0 drop",
        "ct direction reply ct state established accept",  # what this machine itself has asked
        "meta l4proto { tcp, udp } th dport 53 goto resolver",
        f"tcp dport {{ {settings.http_port}, {settings.https_port} }} goto portal",
        "goto refuse",
    ]


def _portal(settings: GateSettings) -> list[str]:
    """Limits answer with a reset, never with silence: a phone then asks again at once."""
    rate = settings.new_connections_per_second
    limit = f"limit rate over {rate}/second burst {2 * rate} packets"
    count = f"ct count over {settings.connections_per_device}"
    return [
        f"ct state new update @portal_rate {{ ether saddr {limit} }} reject with tcp reset",
        f"ct state new add @portal_connections {{ ether saddr {count} }} reject with tcp reset",
        "accept",
    ]


def _resolver(settings: GateSettings) -> list[str]:
    rate = settings.dns_queries_per_second
    admitted = f"@dns_rate {{ ether saddr limit rate over {rate}/second burst {4 * rate} packets }}"
    stranger = f"@stranger_dns_rate {{ ether saddr {_stranger_dns(settings)} }}"
    return [
        f"meta mark & {PASS:#x} != 0 update {admitted} drop",
        f"meta mark & {PASS:#x} == 0 update {stranger} drop",
        "accept",
    ]


def _from_guest(settings: GateSettings, guests: str) -> list[str]:
    accept = "ct mark set meta mark accept"
    allowed = [
        f"meta mark & {PASS:#x} != 0 {field} daddr {networks} {accept}"
        for field, networks in _by_family(settings.allowed_networks)
    ]
    internal = [
        f"{field} daddr {networks} goto refuse"
        for field, networks in _by_family(settings.internal_networks)
    ]
    uplinks = [f"oifname != {_names(settings.uplinks)} goto refuse"] if settings.uplinks else []
    return [
        f"meta mark & {MAY_LEAVE:#x} == 0 drop",  # also of connections that stand
        # what follows was judged when the connection was new
        "ct state established ct mark set meta mark accept",
        f"oifname {guests} goto refuse",
        *allowed,
        *internal,
        *uplinks,
        accept,
    ]


def _to_guest() -> list[str]:
    return [
        "ct state & (established | related) == 0 drop",
        f"meta mark set ct mark | {FORWARDED:#x}",
        "accept",
    ]


def _translate(settings: GateSettings, guests: str) -> list[str]:
    families = [
        family
        for family, wanted in (
            ("ipv4", settings.masquerade_ipv4),
            ("ipv6", settings.masquerade_ipv6),
        )
        if wanted
    ]
    condition = f"meta mark & {MAY_LEAVE:#x} != 0 oifname != {guests}"
    ways = ["masquerade"]
    if settings.logged_sites:
        own = f"iifname {_names(settings.logged_interfaces)} jump own_ports"
        shared = f"masquerade to :{SHARED_PORTS.start}-{SHARED_PORTS.stop - 1}"
        ways = [own, f"{_WITH_PORTS} {shared}", "masquerade"]
    return [f"{condition} meta nfproto {family} {way}" for family in families for way in ways]


_WITH_PORTS = "meta l4proto { tcp, udp }"


def _own_ports(settings: GateSettings) -> list[Chain]:
    """A chain a block, found by the device's number in one look-up a connection.

    Where all ports of a block are taken towards one server, the kernel drops what is new to it,
    and the device tries again; others, and other servers, notice nothing.
    """
    blocks = settings.port_blocks
    if blocks is None:
        return []
    chains: list[Chain] = []
    ways = []
    for number, ports in blocks.all():
        name = block_chain(blocks, ports)
        masquerade = f"masquerade to :{ports.start}-{ports.stop - 1}"
        chains.append((name, "", [f"{_WITH_PORTS} {masquerade}"]))
        ways.append(f"{number << NUMBER_SHIFT:#x} : goto {name}")
    number_of = f"meta mark & {NUMBER_MASK:#x} vmap {{ {', '.join(ways)} }}"
    return [*chains, ("own_ports", "", [f"{_WITH_PORTS} {number_of}"])]


def block_chain(blocks: PortBlocks, ports: range) -> str:
    """Return the name of the chain that gives these ports."""
    return f"ports_{ports.start}_{blocks.size}"


def egress_chains(settings: GateSettings, present: Collection[str]) -> list[Chain]:
    """Downloads end with the session too, even when nobody is left to delete connections."""
    rules = [
        f"meta mark & {FORWARDED:#x} == 0 goto answers",
        f"ether daddr @{DOWNLOADS} accept",
        f"meta mark & {GARDEN:#x} != 0 accept",
        "drop",
    ]
    answer = f"meta l4proto {{ tcp, udp }} th sport 53 ether daddr != @{DOWNLOADS}"
    limited = [f"{answer} update @dns_answers {{ ether daddr {_stranger_dns(settings)} }} drop"]
    chains = [
        (
            f"to_{interface}",
            f'type filter hook egress device "{interface}" priority 0; policy accept;',
            rules,
        )
        for interface in sorted(settings.sites)
        if interface in present
    ]
    return [("answers", "", limited), *chains]


def _own_addresses(settings: GateSettings, verdict: str) -> list[str]:
    """Rules for the portal's addresses that are not on the guest interface itself."""
    return [
        f'iifname "{network.interface}" {_field(address)} daddr {address} {verdict}'
        for network in settings.guest_networks
        for address in network.addresses
    ]


def _stranger_dns(settings: GateSettings) -> str:
    rate = settings.stranger_dns_bytes_per_second
    return f"limit rate over {rate} bytes/second burst 16000 bytes"


def _by_family(networks: Iterable[Network]) -> Iterator[tuple[str, str]]:
    networks = list(networks)
    for version, field in ((4, "ip"), (6, "ip6")):
        texts = [str(network) for network in networks if network.version == version]
        if texts:
            yield field, f"{{ {', '.join(texts)} }}"


def _field(address: str) -> str:
    return "ip6" if ":" in address else "ip"


def _names(interfaces: Iterable[str]) -> str:
    return "{ " + ", ".join(f'"{interface}"' for interface in interfaces) + " }"
