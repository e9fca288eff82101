"""Faults of the gateway's surroundings, done alike to every product.

Each is a context manager: broken inside, mended afterwards as the operating system or its owner
would mend it. What belongs to one product alone (its processes, its neighbours) is in its module.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from bench.day.product import Breakage
from bench.day.scenario import Fault
from firewall.lab import addressing
from firewall.lab.network import Lab
from firewall.lab.processes import Namespace
from tests.faults.foreign_rules import DOCKER, FIREWALLD

FLUSHES = ("-F", "-X", "-t nat -F", "-t nat -X", "-t mangle -F", "-t mangle -X")
TOOLS = ("iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft")
_SITE = 0


def of_the_lab(lab: Lab, reload_nat: Callable[[], None]) -> Mapping[Fault, Breakage]:
    """Return the faults that need nothing of the product.

    ``reload_nat`` puts back the address translation where that is not the product's own.
    """
    return {
        Fault.RULES_FLUSHED: partial(_rules_flushed, lab.gateway, reload_nat),
        Fault.FIREWALLD_RELOADED: partial(_firewalld, lab.gateway),
        Fault.DOCKER_NFT: partial(_docker, lab.gateway, "iptables-nft"),
        Fault.DOCKER_LEGACY: partial(_docker, lab.gateway, "iptables-legacy"),
        Fault.UPLINK_DOWN: partial(_uplink_down, lab),
        Fault.DNS_DOWN: partial(_names_unresolved, lab.internet.namespace),
        Fault.RESOLVER_KILLED: partial(_resolver_killed, lab),
        Fault.GUEST_FLAP: partial(_guest_flap, lab),
        Fault.GUEST_REMADE: partial(_guest_remade, lab),
    }


def at_once(do: Callable[[], object]) -> Callable[[], AbstractContextManager[None]]:
    """Return a breakage that is over as soon as it is done."""

    @contextmanager
    def breakage() -> Iterator[None]:
        do()
        yield

    return breakage


@contextmanager
def _rules_flushed(gateway: Namespace, reload_nat: Callable[[], None]) -> Iterator[None]:
    """By `nft flush ruleset` and the usual lines with iptables, in both flavours."""
    gateway.run(["nft", "flush", "ruleset"])
    reload_nat()
    lines = [f"{tool} {arguments}" for tool in TOOLS for arguments in FLUSHES]
    gateway.run(["sh", "-c", "; ".join(lines)], check=False)
    yield


@contextmanager
def _firewalld(gateway: Namespace) -> Iterator[None]:
    for _ in range(2):
        gateway.run(["nft", "-f", "-"], text=FIREWALLD)
    yield
    gateway.run(["nft", "delete table inet firewalld"], check=False)


@contextmanager
def _docker(gateway: Namespace, tool: str) -> Iterator[None]:
    """Its start and restart; then only its own chains are removed, as its owner would."""
    _run_all(gateway, tool, DOCKER * 2)
    yield
    _run_all(gateway, tool, [undo for done in reversed(DOCKER) for undo in _undone(done)])


def _run_all(gateway: Namespace, tool: str, lines: Sequence[str]) -> None:
    """Run them one after the other; what is there already, or not, is passed over."""
    gateway.run(["sh", "-c", "; ".join(f"{tool} {line}" for line in lines)], check=False)


def _undone(command: str) -> Iterator[str]:
    for done, undo in ((" -A ", " -D "), (" -I ", " -D ")):
        if done in command:
            yield command.replace(done, undo)
            yield command.replace(done, undo)  # added twice
    if " -N " in command:
        yield command.replace(" -N ", " -F ")
        yield command.replace(" -N ", " -X ")


@contextmanager
def _uplink_down(lab: Lab) -> Iterator[None]:
    """The operating system's network set-up puts addresses and routes back with the link."""
    wan, gateway = addressing.WAN, lab.gateway
    gateway.ip([f"link set {wan.interface} down"])
    yield
    gateway.ip(
        [
            f"link set {wan.interface} up",
            f"addr replace {wan.gateway_v6}/{wan.length_v6} dev {wan.interface} nodad",
            f"route replace default via {wan.far_v4} dev {wan.interface}",
            f"route replace default via {wan.far_v6} dev {wan.interface}",
        ]
    )


@contextmanager
def _names_unresolved(internet: Namespace) -> Iterator[None]:
    chain = "{ type filter hook input priority 0; }"
    internet.run(["nft", f"add table inet names_lost; add chain inet names_lost input {chain}"])
    drop = "meta l4proto { tcp, udp } th dport 53 drop"
    internet.run(["nft", f"add rule inet names_lost input {drop}"])
    yield
    internet.run(["nft", "delete table inet names_lost"])


@contextmanager
def _resolver_killed(lab: Lab) -> Iterator[None]:
    if lab.dhcp_dns is not None:
        lab.dhcp_dns.restart()
    yield


@contextmanager
def _guest_flap(lab: Lab) -> Iterator[None]:
    network = lab.sites[_SITE]
    lab.gateway.ip([f"link set {network.interface} down", f"link set {network.interface} up"])
    if network.gateway_v6 and network.prefix_v6:
        length = network.prefix_v6.prefixlen
        address = f"{network.gateway_v6}/{length}"
        lab.gateway.ip([f"addr replace {address} dev {network.interface} nodad"])
    yield


@contextmanager
def _guest_remade(lab: Lab) -> Iterator[None]:
    """Under its old name and hardware address, as the driver of a card does."""
    interface = lab.sites[_SITE].interface
    mac = lab.gateway.run(["cat", f"/sys/class/net/{interface}/address"]).stdout.strip()
    lab.replug(_SITE)
    lab.gateway.ip([f"link set {interface} address {mac}"])
    if lab.dhcp_dns is not None:
        lab.dhcp_dns.advertise_anew()
    yield
