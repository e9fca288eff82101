"""Whatever happens to the gate, its rules or the whole of Kvar: 0 packets of a stranger pass.

The probes run against the whole system with an online phone present. Each test also shows that
the phone is online again by itself, and that Kvar says what it mended.
"""

from time import monotonic

import pytest

from portal.demo.world import World
from tests.faults.foreign_rules import DOCKER, FIREWALLD, remove_docker, remove_firewalld
from tests.faults.gateway import Gateway, pause
from tests.faults.probes import Probes
from tests.lab.guest import Guest, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
WINDOW_S = 10.0
"""How long strangers are watched after a flush: the mending itself takes a fraction of a second."""

IPTABLES_FLUSH = ("-F", "-X", "-t nat -F", "-t nat -X", "-t mangle -F", "-P FORWARD ACCEPT")


@pytest.fixture
def probes(world: World, stranger: Guest) -> Probes:
    assert stranger.is_captive()
    return Probes(world, stranger)


def probe_for(seconds: float, probes: Probes, number: int = 1000) -> None:
    """Spread a number of probes over some seconds, in small bursts."""
    began, batch = monotonic(), 20
    for burst in range(1, number // batch + 1):
        probes.send(batch)
        pause(max(0.0, began + seconds * burst * batch / number - monotonic()))


def is_online(guest: Guest) -> bool:
    """What the phone itself sees: the genuine answer, not the portal's."""
    return guest.phone.http(PROBE_URL, timeout_s=2).status == 200


def test_what_leaves_would_be_seen(world: World, online: Guest) -> None:
    """The same probes from a phone that is online do arrive: silence is not blindness."""
    control = Probes(world, online)
    control.send(1000)  # a hundred odd frames: each kind is among them
    kinds = {arrival.split("protocol=")[1].split(",")[0] for arrival in control.arrived()}
    assert {"'tcp'", "'udp'", "'icmp'", "'ipv6-icmp'", "'sctp'"} <= kinds


def test_while_the_gate_is_killed(gateway: Gateway, online: Guest, probes: Probes) -> None:
    for _ in range(5):
        gateway.kill("gate")
        probes.send(200)
    gateway.wait_until_ready()
    assert probes.sent > 950
    assert probes.arrived() == []
    assert is_online(online)


def test_while_the_keeper_compares(gateway: Gateway, online: Guest, probes: Probes) -> None:
    """A new keeper reconciles as its first act."""
    for _ in range(4):
        gateway.kill("keeper")
        probes.send(250)
    until(lambda: gateway.pid("keeper"), "the keeper again")
    assert probes.sent > 950
    assert probes.arrived() == []
    assert is_online(online)


def test_while_everything_of_kvar_is_dead(world: World, online: Guest, probes: Probes) -> None:
    with world.killed():
        probes.send(1000)
        assert is_online(online)
    assert probes.arrived() == []
    assert not online.is_captive()


def test_after_all_rules_are_flushed(gateway: Gateway, online: Guest, probes: Probes) -> None:
    healed = gateway.healed
    gateway.run("nft", "flush", "ruleset")
    for tool in ("iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft"):
        for arguments in IPTABLES_FLUSH:
            gateway.run(tool, *arguments.split())
    probe_for(WINDOW_S, probes)
    assert probes.arrived() == []
    gateway.wait_until_healed(healed)
    assert gateway.log_lines("foreign change mended")
    assert is_online(online)


def test_flushed_again_and_again(gateway: Gateway, online: Guest, probes: Probes) -> None:
    """Faster than the mending: half of the time no rule stands."""
    for _ in range(20):
        gateway.run("nft", "flush", "ruleset")
        probes.send(50)
    assert probes.arrived() == []
    until(lambda: is_online(online), "online again")


def test_flushed_while_nobody_can_mend(
    world: World, gateway: Gateway, online: Guest, probes: Probes
) -> None:
    """No rule and no Kvar at all: the routing rule alone keeps strangers in."""
    with world.killed():
        gateway.run("nft", "flush", "ruleset")
        probes.send(1000)
        assert probes.arrived() == []
    until(lambda: is_online(online), "online again")


@pytest.mark.parametrize(
    "change",
    [
        "delete table inet kvar",
        "delete table netdev kvar",
        "delete table inet kvar; delete table netdev kvar",
        "flush table inet kvar",
        "flush table netdev kvar",
        "flush chain inet kvar admit",
        "flush chain inet kvar strangers",
        "flush chain inet kvar capture",
        "flush chain inet kvar forward",
        "flush chain inet kvar to_gateway",
        "flush chain inet kvar translate",
        "flush chain netdev kvar to_guest0",
        "delete chain netdev kvar to_guest0",
        "flush map inet kvar admitted",
        "flush set netdev kvar downloads",
        "add rule inet kvar forward accept",
        "insert rule inet kvar admit meta mark set 1",
        "add chain inet kvar forward { policy drop; }",
    ],
)
def test_after_a_part_is_taken_away(
    change: str, gateway: Gateway, online: Guest, probes: Probes
) -> None:
    healed = gateway.healed
    gateway.run("nft", change)
    if "mark set 1" not in change:  # whoever may write that has let everybody in on purpose
        probes.send(100)
    gateway.wait_until_healed(healed)
    probes.send(50)
    assert probes.arrived() == []
    until(lambda: is_online(online), "online again")


def test_one_rule_after_the_other_is_deleted(
    gateway: Gateway, online: Guest, probes: Probes
) -> None:
    """Each rule of the chains that a stranger's packet meets, by its handle."""
    for chain in ("admit", "capture", "strangers", "from_guest", "forward"):
        handles = _handles(gateway, chain)
        assert handles
        for place in range(len(handles)):
            healed = gateway.healed
            handle = _handles(gateway, chain)[place]
            gateway.run("nft", f"delete rule inet kvar {chain} handle {handle}")
            probes.send(20)
            gateway.wait_until_healed(healed)
    assert probes.arrived() == []
    until(lambda: is_online(online), "online again")


def _handles(gateway: Gateway, chain: str) -> list[str]:
    listed = gateway.run("nft", "-a", "list", "chain", "inet", "kvar", chain)
    marked = [line.strip() for line in listed.splitlines() if " # handle " in line]
    return [line.rsplit(" ", 1)[1] for line in marked if not line.startswith(("table", "chain"))]


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_the_routing_rule_comes_back(
    family: str, gateway: Gateway, online: Guest, probes: Probes
) -> None:
    healed = gateway.healed
    assert f"{family} guest0" in gateway.fail_closed_rules()
    gateway.run("ip", family, "rule", "del", "pref", "100", "iif", "guest0")
    probes.send(100)
    gateway.wait_until_healed(healed)
    assert f"{family} guest0" in gateway.fail_closed_rules()
    assert gateway.log_lines("foreign change mended", "routing rule")
    assert probes.arrived() == []
    assert is_online(online)


def test_firewalld_starts_and_reloads(
    gateway: Gateway, world: World, online: Guest, probes: Probes
) -> None:
    try:
        for _ in range(3):  # at a reload firewalld deletes its own table and adds it anew
            world.lab.gateway.run(["nft", "-f", "-"], text=FIREWALLD)
            probes.send(300)
    finally:
        remove_firewalld(gateway)
    assert probes.arrived() == []
    until(lambda: is_online(online), "online again")


@pytest.mark.parametrize("flavour", ["nft", "legacy"])
def test_docker_starts_and_restarts(
    flavour: str, gateway: Gateway, online: Guest, probes: Probes
) -> None:
    stream = online.phone.stream("www.example.com")
    try:
        for command in DOCKER * 2:
            # what it finds already there it leaves, so a second start fails here and there
            gateway.run(f"iptables-{flavour}", *command.split(), check=False)
            probes.send(10)
    finally:
        remove_docker(gateway, flavour)
    assert probes.arrived() == []
    assert stream.stop().lost == 0
