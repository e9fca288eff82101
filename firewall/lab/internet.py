"""The world beyond the gateway: answers for every address, and counts what arrives.

Not a router to the real internet: nothing of the lab ever leaves the machine.
The rule to keep: the counter is in the kernel, at the interface's ingress, ahead of routing, and
counts everything, so that "0 packets arrived" is a fact and not the silence of a busy server.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from firewall.lab import addressing, internet_names, probes
from firewall.lab.processes import LabError, stop

if TYPE_CHECKING:
    import datetime as dt
    import pathlib

    from firewall.lab.authority import Authority
    from firewall.lab.processes import Namespace

BRANCH_INTERFACE = "branch0"
ECHO_PORT = 7
DOWNLOAD_PORT = 9000
HTTPS_NAMES = (
    "www.example.org",
    "example.org",
    "www.example.com",
    "example.com",
    *probes.HTTPS_HOSTS,
)
# Ports that programs started in the namespace by hand may listen on (iperf3, a benchmark's server).
OWN_PORTS = "5201-5209, 8000-8999"

SYSCTLS = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.accept_local": 1,
    "net.ipv4.conf.default.accept_local": 1,
    "net.ipv6.ip_nonlocal_bind": 1,
    "net.ipv4.ip_nonlocal_bind": 1,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv6.icmp.ratelimit": 0,
}

COUNTERS = """\
table netdev arrivals {{
  set transport4 {{
    type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags dynamic; size 262144;
  }}
  set transport6 {{
    type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags dynamic; size 262144;
  }}
  set other4 {{ type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 262144; }}
  set other6 {{ type ipv6_addr . ipv6_addr . inet_proto; flags dynamic; size 262144; }}
  set odd {{ type ether_type; flags dynamic; size 1024; }}
  chain ingress {{
    type filter hook ingress device "{interface}" priority -500; policy accept;
    icmpv6 type {{ 133, 134, 135, 136 }} ip6 hoplimit 255 accept
    icmpv6 type {{ 130, 131, 132, 143 }} ip6 hoplimit 1 accept
    meta protocol ip meta l4proto {{ tcp, udp }} \
update @transport4 {{ ip saddr . ip daddr . meta l4proto . th dport counter }} accept
    meta protocol ip update @other4 {{ ip saddr . ip daddr . meta l4proto counter }} accept
    meta protocol ip6 meta l4proto {{ tcp, udp }} \
update @transport6 {{ ip6 saddr . ip6 daddr . meta l4proto . th dport counter }} accept
    meta protocol ip6 update @other6 {{ ip6 saddr . ip6 daddr . meta l4proto counter }} accept
    meta protocol != arp update @odd {{ meta protocol counter }} accept
  }}
}}
"""
SETS = ("transport4", "transport6", "other4", "other6", "odd")

EVERY_PORT_ANSWERS = f"""\
table inet every_port_answers {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname != {{ "{addressing.INTERNET_INTERFACE}", "{BRANCH_INTERFACE}" }} accept
    udp dport 53 redirect to :53
    udp dport {{ {OWN_PORTS} }} accept
    meta l4proto udp redirect to :{ECHO_PORT}
    tcp dport {{ {ECHO_PORT}, 53, 80, 443, {DOWNLOAD_PORT}, {OWN_PORTS} }} accept
    meta l4proto tcp redirect to :{ECHO_PORT}
  }}
}}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """Packets of one kind that arrived from the gateway. `port` is 0 but for TCP and UDP."""

    source: str
    destination: str
    protocol: str
    """tcp, udp, icmp, ipv6-icmp, or another name or number."""
    port: int
    packets: int
    bytes: int


class Internet:
    """One namespace that is everything beyond an interface of the gateway.

    It accepts TCP on every port (80 and 443 the web, 53 DNS, 9000 an endless download, any other
    an echo) and echoes UDP on every port but 53, at every address, over IPv4 and IPv6; it answers
    every ping. Ports 5201-5209 and 8000-8999 are left for programs started in `namespace`.
    """

    def __init__(self, namespace: Namespace, directory: pathlib.Path, authority: Authority) -> None:
        self.namespace = namespace
        self._directory = directory
        self._authority = authority
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Set kernel parameters, before the interface comes and takes its defaults from them."""
        self.namespace.sysctl(SYSCTLS)

    def start(self, wire: addressing.OuterLink, started_at: dt.datetime) -> None:
        """Set up addresses and counters, start the servers, wait until they answer.

        The interface towards the gateway exists already. Raises LabError.
        """
        link = addressing.INTERNET_INTERFACE
        self.namespace.write_resolver([wire.far_v4])
        self.namespace.run(["nft", "-f", "-"], text=COUNTERS.format(interface=link))
        self.namespace.run(["nft", "-f", "-"], text=EVERY_PORT_ANSWERS)
        self.namespace.ip(
            [
                f"addr add {wire.far_v4}/{wire.length_v4} dev {link}",
                f"addr add {wire.far_v6}/{wire.length_v6} dev {link} nodad",
                f"link set {link} up",
                *_every_address(link, wire.gateway_v4, wire.gateway_v6),
            ]
        )
        self._start_server(started_at)

    def _start_server(self, started_at: dt.datetime) -> None:
        self._directory.mkdir()
        certificate = self._authority.issue(HTTPS_NAMES, started_at)
        self._process = self.namespace.spawn(
            [
                sys.executable,
                "-m",
                "firewall.lab.internet_server",
                str(certificate.chain),
                str(certificate.key),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._process.stdout is None or self._process.stdout.readline() != b"ready\n":
            raise LabError(f"{self.namespace.name}: the internet's server did not start")

    def connect_branch(self, point: str, link: str, near: str, far: str) -> None:
        """Wire one more customer of this internet: `link` in namespace `point`, a /30 between.

        What arrives there is answered, but not counted.
        """
        self.namespace.ip(
            [
                f"link add {BRANCH_INTERFACE} type veth peer name {link} netns {point}",
                f"addr add {near}/30 dev {BRANCH_INTERFACE}",
                f"link set {BRANCH_INTERFACE} up",
                f"route add throw {far}/32 table local",
            ]
        )

    @staticmethod
    def address_of(host: str, family: int = 4) -> str:
        """The address that the internet's DNS gives for a host; stable and distinct per host."""
        return internet_names.address(host, family)

    def arrivals(self) -> list[Arrival]:
        """Everything that arrived from the gateway since `forget`.

        But for the link's own chatter: ARP, neighbour discovery (RFC 4861: hop limit 255) and
        multicast listener reports (RFC 3810: hop limit 1). Counted by the kernel before any
        routing: nothing is missed while a server is busy or dead.
        """
        return [_arrival(item["elem"]) for name in SETS for item in self._list(name)]

    def packets_from(self, *sources: str, exclude_dns: bool = False) -> int:
        """How many packets arrived from these addresses (all, when none is named).

        Behind masquerade everything has the gateway's address; `exclude_dns` leaves out port 53,
        where the gateway's own resolver speaks.
        """
        return sum(
            arrival.packets
            for arrival in self.arrivals()
            if (not sources or arrival.source in sources)
            and not (exclude_dns and arrival.port == 53)
        )

    def packets_to(self, *destinations: str) -> int:
        """How many packets arrived for these addresses; a test picks addresses of its own."""
        return sum(a.packets for a in self.arrivals() if a.destination in destinations)

    def forget(self) -> None:
        """Set all counters to zero."""
        lines = "".join(f"flush set netdev arrivals {name}\n" for name in SETS)
        self.namespace.run(["nft", "-f", "-"], text=lines)

    def _list(self, name: str) -> list[Any]:
        listing = self.namespace.run(["nft", "-j", "list", "set", "netdev", "arrivals", name])
        elements = json.loads(listing.stdout)["nftables"][1]["set"].get("elem", [])
        return list(elements)

    def close(self) -> None:
        """Stop the servers; the namespace goes with the lab."""
        if self._process is not None:
            stop(self._process)


def _every_address(link: str, gateway_v4: str, gateway_v6: str) -> list[str]:
    """Routes that make every address local but the gateway's and those behind it.

    A `throw` route in the local table sends the look-up on to the main table (ip-route(8)), if
    the two are apart: the kernel keeps them merged until the first rule of one's own appears.
    """
    return [
        "rule add pref 1 lookup local",
        f"route add throw {gateway_v4}/32 table local",
        f"route add throw {addressing.GUESTS_V4} table local",
        "route add local 0.0.0.0/0 dev lo table local",
        f"route add {addressing.GUESTS_V4} via {gateway_v4} dev {link}",
        f"route add throw {gateway_v6}/128 table local",
        f"route add throw {addressing.GUESTS_V6} table local",
        "route add throw fe80::/10 table local",
        "route add local ::/0 dev lo table local",
        f"route add {addressing.GUESTS_V6} via {gateway_v6} dev {link}",
    ]


def _arrival(element: dict[str, Any]) -> Arrival:
    packets, octets = element["counter"]["packets"], element["counter"]["bytes"]
    value = element["val"]
    if not isinstance(value, dict):  # the set `odd`: neither IPv4 nor IPv6
        return Arrival("", "", str(value), 0, packets, octets)
    source, destination, protocol, *port = value["concat"]
    return Arrival(source, destination, str(protocol), int(port[0]) if port else 0, packets, octets)
