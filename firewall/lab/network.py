"""The lab's network: gateway, access points, internet, management host and phones.

    with Lab(LabSettings(phones=2)) as lab:
        lab.open_plain_nat()                       # or start the gate in lab.gateway
        lab.phones[0].join()
        lab.phones[0].http("http://captive.apple.com/hotspot-detect.html")

The rule to keep: the fail-closed routing rule stands before the guest interface comes up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from typing import TYPE_CHECKING, Self

from firewall.lab import addressing, branch, chromium_policy, plain_nat, relay
from firewall.lab.addressing import GuestNetwork, guest_network
from firewall.lab.authority import Authority
from firewall.lab.dhcp_dns import DhcpDns
from firewall.lab.dnsmasq import GardenName, GuestService
from firewall.lab.internet import Internet
from firewall.lab.phone import Phone
from firewall.lab.processes import LabError, Namespace, run
from firewall.lab.run_directory import LabState, RunDirectory, remove_namespace, running, sweep
from firewall.marks import MAY_LEAVE

if TYPE_CHECKING:
    import datetime as dt
    import pathlib

    from firewall.lab.authority import ServerCertificate
    from firewall.lab.branch import Branch

CAPTIVE_PORTAL_API_PATH = "/captive-portal/api"
FAIL_CLOSED_PREFERENCE = 100

GATEWAY_SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    # Reverse-path filtering is for guest interfaces alone (`_build_site`): for a packet that goes
    # on to guest0, the kernel looks its source up as if it had come in there, without its mark,
    # and meets the fail-closed rule. Strict or loose, every answer from the internet would be
    # dropped. The larger of `all` and the interface's own value counts (ip-sysctl).
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.default.accept_redirects": 0,
    "net.ipv6.conf.all.accept_redirects": 0,
    "net.ipv6.conf.default.accept_redirects": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.all.accept_source_route": 0,
    "net.ipv6.conf.all.accept_source_route": 0,
    "net.ipv4.conf.all.arp_ignore": 1,
    "net.ipv4.conf.default.arp_ignore": 1,
    # The lab's addresses collide with nobody's; waiting a second for that is no use.
    "net.ipv6.conf.default.accept_dad": 0,
}
# When the uplink's interface goes down, the kernel forgets what is masqueraded through it; with 0,
# those connections would stay silent for ever. The first packet of one that is picked up in the
# middle counts as new, and passes all rules (nf_conntrack sysctl documentation).
GATEWAY_SYSCTLS_IF_THERE = {"net.netfilter.nf_conntrack_tcp_loose": 1}

# Duplicate address detection and the random wait before a router solicitation cost two seconds a
# phone and prove nothing here; temporary addresses are added by the tests that are about them.
PHONE_SYSCTLS: dict[str, str | int] = {
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.dad_transmits": 0,
    "net.ipv6.conf.default.router_solicitation_delay": 0,
    "net.ipv6.conf.default.addr_gen_mode": 0,
    "net.ipv6.conf.default.use_tempaddr": 0,
    # Any user of the phone may ping, so that the worker needs no raw socket for it.
    "net.ipv4.ping_group_range": "0 2147483647",
}


@dataclasses.dataclass(frozen=True, slots=True)
class LabSettings:
    """What to build."""

    phones: int = 2
    """Phones made at the start, all at site 0; more by `Lab.add_phone`."""
    sites: int = 1
    """Guest interfaces guest0, guest1 …, each with its own access point."""
    portal_host: str = "login.library.example"
    """Resolves to the gateway's address on the first site, v4 and v6."""
    fail_closed_bit: int | None = MAY_LEAVE
    """Mark bits of the blackhole rule on every guest interface; None leaves the rule out.

    The gate's own, because any other bit may be part of a device's number."""
    client_isolation: bool = True
    """Phones of one access point cannot reach each other on layer 2."""
    ipv6: bool = True
    """Router advertisements and a global prefix on the guest side."""
    management: bool = True
    """A `mgmt0` network with a host that must never hear from a guest."""
    dhcp_dns: bool = True
    """Start dnsmasq (and the router advertiser) in the gateway."""
    announce_captive_portal: bool = True
    """DHCPv4 114, DHCPv6 103 and RA 37 with the API's URI."""
    garden: tuple[GardenName, ...] = ()
    """Walled-garden names whose addresses dnsmasq puts into nft sets."""
    dnsmasq_lines: tuple[str, ...] = ()
    """Further lines of dnsmasq's configuration, as they stand."""
    lease_s: int = 12 * 3600
    started_at: dt.datetime | None = None
    """The time that certificates count from; None takes it from the run directory's birth."""


class Lab:
    """A whole virtual guest network; needs root. Use as a context manager, or `start` and `close`.

    Two labs can run side by side. A lab whose owner died, even by kill -9, is removed by the next
    `start` or by `Lab.sweep`.
    """

    def __init__(self, settings: LabSettings | None = None) -> None:
        self.settings = settings or LabSettings()
        self.id = ""
        """Four hexadecimal digits; namespaces are named kv<id>-gw, -net, -ap, -phone1 …."""
        self.phones: list[Phone] = []
        self.sites: tuple[GuestNetwork, ...] = tuple(
            guest_network(site, ipv6=self.settings.ipv6) for site in range(self.settings.sites)
        )
        self.management: Internet | None = None
        """The host behind mgmt0 (`addressing.MANAGEMENT`), which answers all and counts too."""
        self.dhcp_dns: DhcpDns | None = None
        self._directory: RunDirectory | None = None
        self._open = contextlib.ExitStack()
        self._phone_numbers = itertools.count(1)
        self._point_numbers = itertools.count(1)

    # Set by start().
    gateway: Namespace
    """Where gate, portal, keeper, dnsmasq run: interfaces guest0 …, wan0, mgmt0."""
    internet: Internet
    """The world beyond wan0, and the counter of what arrived there."""
    authority: Authority
    portal_certificate: ServerCertificate
    """For `portal_host`: files `chain` and `key`, in the run directory."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def sweep() -> list[str]:
        """Remove all labs whose owner is dead; returns their ids."""
        return sweep()

    @staticmethod
    def running() -> list[LabState]:
        """All labs of this machine."""
        return running()

    @property
    def run_directory(self) -> pathlib.Path:
        """/run/kvar-lab/<id>: certificates, dnsmasq's configuration, leases and logs."""
        if self._directory is None:
            raise LabError("the lab has not been started")
        return self._directory.path

    @property
    def captive_portal_uri(self) -> str:
        """The RFC 8908 API's URI, as announced to the phones."""
        return f"https://{self.settings.portal_host}{CAPTIVE_PORTAL_API_PATH}"

    def start(self) -> None:
        """Sweep, then build everything. Raises LabError, after removing what was built."""
        self.sweep()
        self._directory = RunDirectory()
        self._open.callback(self._directory.release)
        self.id = self._directory.id
        try:
            self._build(self._directory)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop all processes of the lab and remove every trace of it; safe to call twice."""
        self._open.close()

    def _build(self, directory: RunDirectory) -> None:
        started_at = self.settings.started_at or directory.made_at
        self.authority = Authority.create(directory.path, started_at)
        self.portal_certificate = self.authority.issue([self.settings.portal_host], started_at)
        self._build_gateway()
        self._build_outside(started_at)
        for site, network in enumerate(self.sites):
            self._build_site(site, network)
        self.dhcp_dns = self._start_dhcp_dns() if self.settings.dhcp_dns else None
        for _ in range(self.settings.phones):
            self.add_phone()

    def _namespace(self, role: str) -> Namespace:
        namespace = Namespace(f"kv{self.id}-{role}")
        run(["ip", "netns", "add", namespace.name])
        namespace.ip(["link set lo up"])
        return namespace

    def _build_gateway(self) -> None:
        self.gateway = self._namespace("gw")
        self.gateway.sysctl(GATEWAY_SYSCTLS)
        self.gateway.sysctl(GATEWAY_SYSCTLS_IF_THERE, tolerate=True)
        self.gateway.write_resolver([str(self.sites[0].gateway_v4)])
        if self.settings.fail_closed_bit is not None:
            self._close_routing(self.settings.fail_closed_bit)

    def _close_routing(self, bit: int) -> None:
        """Unmarked packets from guests go nowhere, whatever becomes of the rule set.

        A rule may name an interface that does not exist yet; it takes hold when it appears.
        """
        rules = [
            f"rule add pref {FAIL_CLOSED_PREFERENCE} iif {network.interface}"
            f" fwmark 0/{bit:#x} blackhole"
            for network in self.sites
        ]
        self.gateway.ip(rules, family="-4")
        self.gateway.ip(rules, family="-6")

    def _build_outside(self, started_at: dt.datetime) -> None:
        """The internet behind wan0, with the default routes, and the host behind mgmt0."""
        wan = addressing.WAN
        self.internet = self._build_world("net", wan, started_at)
        self.gateway.ip(
            [
                f"route add default via {wan.far_v4} dev {wan.interface}",
                f"route add default via {wan.far_v6} dev {wan.interface}",
            ]
        )
        if self.settings.management:
            self.management = self._build_world("mgmt", addressing.MANAGEMENT, started_at)

    def _build_world(
        self, role: str, wire: addressing.OuterLink, started_at: dt.datetime
    ) -> Internet:
        """A namespace that answers for everything behind one of the gateway's interfaces."""
        namespace = self._namespace(role)
        world = Internet(namespace, self.run_directory / role, self.authority)
        self._open.callback(world.close)
        world.prepare()
        near, far = wire.interface, addressing.INTERNET_INTERFACE
        self.gateway.ip(
            [
                f"link add {near} type veth peer name {far} netns {namespace.name}",
                f"addr add {wire.gateway_v4}/{wire.length_v4} dev {near}",
                f"addr add {wire.gateway_v6}/{wire.length_v6} dev {near} nodad",
                f"link set {near} up",
            ]
        )
        world.start(wire, started_at)
        return world

    def _build_site(self, site: int, network: GuestNetwork) -> None:
        """An access point (a bridge) and the gateway's interface behind it, switched on last."""
        point = self._namespace(f"ap{site}")
        point.ip(["link add br0 type bridge forward_delay 0", "link set br0 up"])
        self._plug_in(site, network)

    def replug(self, site: int = 0) -> None:
        """Delete the guest interface and make it anew under the same name, as a driver may."""
        self.gateway.ip([f"link del {self.sites[site].interface}"])
        self._plug_in(site, self.sites[site])

    def _plug_in(self, site: int, network: GuestNetwork) -> None:
        point = self._access_point(site)
        lines = [
            f"link add {network.interface} type veth peer name uplink netns {point.name}",
            f"addr add {network.gateway_v4}/{network.prefix_v4.prefixlen} dev {network.interface}",
        ]
        if network.gateway_v6 and network.prefix_v6:
            prefix = network.prefix_v6.prefixlen
            lines.append(f"addr add {network.gateway_v6}/{prefix} dev {network.interface} nodad")
        self.gateway.ip(lines)
        self.gateway.sysctl({f"net.ipv4.conf.{network.interface}.rp_filter": 1})
        point.ip(["link set uplink master br0", "link set uplink up"])
        self.gateway.ip([f"link set {network.interface} up"])

    def _start_dhcp_dns(self) -> DhcpDns:
        uri = self.captive_portal_uri if self.settings.announce_captive_portal else None
        directory = self.run_directory / "dhcp_dns"
        guests = GuestService(
            networks=self.sites,
            portal_host=self.settings.portal_host,
            captive_portal_uri=uri,
            upstream=[addressing.WAN.far_v4],
            lease_file=str(directory / "leases"),
            lease_s=self.settings.lease_s,
            garden=self.settings.garden,
            further_lines=self.settings.dnsmasq_lines,
        )
        service = DhcpDns(self.gateway, directory, guests)
        self._open.callback(service.close)
        service.start()
        return service

    # --- phones -------------------------------------------------------------------------------

    def add_phone(self, *, site: int = 0, mac: str | None = None) -> Phone:
        """A new phone at a site, its link up, its worker running; it has no lease yet (`join`)."""
        number = next(self._phone_numbers)
        namespace = self._namespace(f"phone{number}")
        namespace.sysctl(PHONE_SYSCTLS)
        namespace.write_resolver([])
        chromium_policy.trust(namespace.configuration, self.authority.certificate_file)
        phone = Phone(
            number,
            namespace,
            mac or addressing.phone_mac(number),
            site,
            self.authority.certificate_file,
        )
        self._attach(phone)
        self._open.callback(phone.close)
        phone.start()
        self.phones.append(phone)
        return phone

    def remove_phone(self, phone: Phone) -> None:
        """Take a phone away for good: its worker, programs, namespace and files."""
        phone.close()
        self.phones.remove(phone)
        remove_namespace(phone.namespace.name)

    def move(self, phone: Phone, site: int) -> None:
        """Walk to another site with the same MAC: the old link is gone, no lease at the new one."""
        phone.namespace.ip([f"link del {addressing.PHONE_INTERFACE}"])
        phone.site = site
        phone.lease = None
        self._attach(phone)

    def add_access_point(self, site: int = 0) -> str:
        """One more access point of a site, wired to the first; returns its name for `roam`."""
        first = self._access_point(site)
        number = next(self._point_numbers)
        further = self._namespace(f"ap{site}x{number}")
        wire = f"point{number}"
        further.ip(["link add br0 type bridge forward_delay 0", "link set br0 up"])
        first.ip(
            [
                f"link add {wire} type veth peer name uplink netns {further.name}",
                f"link set {wire} master br0",
                f"link set {wire} up",
            ]
        )
        further.ip(["link set uplink master br0", "link set uplink up"])
        return further.name

    def add_branch(self) -> Branch:
        """One more guest network, without a gateway of ours; its phones: `add_phone(site=…)`."""
        site = len(self.sites)
        first = self.sites[0]
        around = branch.Surroundings(
            self.gateway, self.internet, self.settings.portal_host, str(first.gateway_v4)
        )
        point = self._namespace(f"ap{site}")
        built = branch.build(site, point, around, self.run_directory / "branch")
        self._open.callback(built.dhcp_dns.close)
        return built

    def first_access_point(self, site: int = 0) -> str:
        """The name for `roam` of the access point that every phone of a site begins at."""
        return self._access_point(site).name

    def roam(self, phone: Phone, before: str, after: str) -> None:
        """Walk from one access point of a site to another: MAC and addresses stay, no DHCP."""
        port = f"phone{phone.number}"
        Namespace(before).ip([f"link set {port} netns {after}"])
        self._set_port(Namespace(after), port)

    def _attach(self, phone: Phone) -> None:
        point = self._access_point(phone.site)
        link, port = addressing.PHONE_INTERFACE, f"phone{phone.number}"
        cable = f"type veth peer name {port} netns {point.name}"
        phone.namespace.ip([f"link add {link} address {phone.mac} {cable}", f"link set {link} up"])
        self._set_port(point, port)

    def _set_port(self, point: Namespace, port: str) -> None:
        isolated = "on" if self.settings.client_isolation else "off"
        point.ip([f"link set {port} master br0", f"link set {port} up"])
        run(["bridge", "-n", point.name, "link", "set", "dev", port, "isolated", isolated])

    def _access_point(self, site: int) -> Namespace:
        return Namespace(f"kv{self.id}-ap{site}")

    # --- for a browser on this machine --------------------------------------------------------

    def relay_portal(
        self, phone: Phone, *, host: str = relay.LOCALHOST, port: int = 8080
    ) -> relay.Relay:
        """Make http://localhost:<port> this phone's view of the portal (see `relay`)."""
        started = relay.start_portal_relay(
            phone.namespace,
            f"https://{self.settings.portal_host}",
            self.authority.certificate_file,
            host=host,
            port=port,
        )
        self._open.callback(started.close)
        return started

    def relay_tcp(
        self,
        namespace: Namespace,
        target: tuple[str, int],
        *,
        host: str = relay.LOCALHOST,
        port: int,
    ) -> relay.Relay:
        """Make localhost:<port> a server that is reached from inside a namespace.

        Such as the staff site: `lab.relay_tcp(lab.gateway, ("127.0.0.1", 8443), port=8081)`.
        """
        started = relay.start_tcp_relay(namespace, target, host=host, port=port)
        self._open.callback(started.close)
        return started

    # --- a gateway without a gate -------------------------------------------------------------

    def open_plain_nat(self) -> None:
        """Let every guest out by plain masquerade, no gate: what the gate is compared with."""
        interfaces = [network.interface for network in self.sites]
        plain_nat.apply(self.gateway, interfaces, self.settings.fail_closed_bit or 0)

    def close_plain_nat(self) -> None:
        """Remove what `open_plain_nat` put in."""
        plain_nat.remove(self.gateway)
