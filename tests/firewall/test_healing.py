"""Foreign hands on the rules: strangers get nothing, guests a moment's gap, all of it mended."""

import asyncio
import socket
import threading
import time

import pytest

from firewall.client import GateClient
from firewall.gate import KernelGate
from firewall.verbs import Admit
from tests.firewall.conftest import agent_in_thread, wait_for
from tests.firewall.network import Network, inside, run
from tests.firewall.traffic import (
    FAMILIES,
    Stream,
    Transfer,
    connection,
    packets_in_world,
    tcp_reaches,
    udp_echo,
)

pytestmark = pytest.mark.root


async def healed(gate: GateClient, times: int) -> None:
    async with asyncio.timeout(60):
        while (await gate.ping())["healed"] < times:
            await asyncio.sleep(0.005)


OTHER_SET = """
delete table inet kvar
add table inet kvar
add set inet kvar admitted { type ipv4_addr; }
"""
DAMAGE = {
    "flush": [["nft", "flush", "ruleset"]],
    "table gone": [["nft", "delete", "table", "inet", "kvar"]],
    "egress gone": [["nft", "delete", "table", "netdev", "kvar"]],
    "chain emptied": [["nft", "flush", "chain", "inet", "kvar", "admit"]],
    "set emptied": [["nft", "flush", "set", "netdev", "kvar", "downloads"]],
    "map emptied": [["nft", "flush", "map", "inet", "kvar", "admitted"]],
    "rule added": [["nft", "add", "rule", "inet", "kvar", "forward", "drop"]],
    "chain added": [["nft", "add", "chain", "inet", "kvar", "foreign"]],
    "set of another make": [["nft", OTHER_SET]],
    "routing": [
        ["ip", "rule", "del", "pref", "100"],
        ["ip", "-6", "rule", "del", "pref", "100"],
    ],
    "all at once": [
        ["nft", "flush", "ruleset"],
        ["ip", "rule", "del", "pref", "100"],
        ["ip", "-6", "rule", "del", "pref", "100"],
    ],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
async def test_damage_is_mended(net: Network, gate: GateClient, damage):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    echo = udp_echo(net.world.open(socket.SOCK_DGRAM), 9)
    with echo, Stream(device, net.world.ipv4, 9) as stream:
        wait_for(lambda: stream.arrived, "the stream")
        for command in damage:
            net.in_gateway(*command)
        at = stream.sent
        await healed(gate, 1)
        wait_for(lambda: max(stream.arrived) > at + 50, "the stream again")
    usage = await gate.usage()
    assert list(usage.devices) == [device.mac]
    assert "blackhole" in net.in_gateway("ip", "rule")
    assert "blackhole" in net.in_gateway("ip", "-6", "rule")
    assert not tcp_reaches(net.devices[1], net.world.ipv4, 443)


async def test_the_gap_after_a_flush_is_short(net: Network, gate: GateClient):
    """Best of five, because a busy test machine may put the agent off for any time."""
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    gaps = []
    with udp_echo(net.world.open(socket.SOCK_DGRAM), 9):
        for flushed in range(1, 6):
            with Stream(device, net.world.ipv4, 9) as stream:
                wait_for(lambda s=stream: s.arrived, "the stream")
                net.in_gateway("nft", "flush", "ruleset")
                await healed(gate, flushed)
                at = stream.sent
                wait_for(lambda s=stream, n=at: max(s.arrived) > n + 20, "the stream again")
            gaps.append(stream.longest_gap_s)
    assert min(gaps) <= 0.25


BREAKS = {
    "flush": ["nft", "flush", "ruleset"],
    "chain emptied": ["nft", "flush", "chain", "inet", "kvar", "admit"],
    "map emptied": ["nft", "flush", "map", "inet", "kvar", "admitted"],
}


@pytest.mark.parametrize("damage", BREAKS.values(), ids=BREAKS.keys())
@pytest.mark.parametrize("family", FAMILIES)
async def test_connections_outlive_damage(net: Network, gate: GateClient, family, damage):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    assert (await gate.ping())["anchored"]
    for broken in range(1, 6):
        with (
            connection(net, device, family) as (client, served),
            Transfer(served, client) as down,
            Transfer(client, served) as up,
        ):
            wait_for(lambda d=down, u=up: d.arrivals and u.arrivals, "the transfers")
            net.in_gateway(*damage)
            await healed(gate, broken)
            seen = len(down.arrivals), len(up.arrivals)
            wait_for(lambda d=down, n=seen[0]: len(d.arrivals) > n + 20, "the download again")
            wait_for(lambda u=up, n=seen[1]: len(u.arrivals) > n + 20, "the upload again")


@pytest.mark.parametrize("family", FAMILIES)
async def test_strangers_get_nothing_through_while_others_flush(net: Network, gate, family):
    device, world = net.devices[1], net.world.address(family)
    await gate.admit(net.devices[0].mac, 600)
    stop = threading.Event()

    def pester() -> None:
        with device.open(socket.SOCK_DGRAM, family) as stranger:
            while not stop.wait(0.0005):
                try:
                    stranger.sendto(b"stranger", (world, 9))
                except OSError:
                    continue

    with packets_in_world(net) as seen:
        thread = threading.Thread(target=pester)
        thread.start()
        for flushed in range(1, 11):
            net.in_gateway("nft", "flush", "ruleset")
            net.in_gateway("iptables-legacy", "-F")
            await healed(gate, flushed)
        stop.set()
        thread.join()
    assert [packet for packet in seen if b"stranger" in packet] == []


@pytest.mark.parametrize("damaged", ["leases", "leased"])
async def test_a_lease_taken_out_is_put_back(net: Network, directory, damaged):
    device = net.devices[0]
    leases = directory / "dnsmasq.leases"
    leases.write_text(f"0 {device.mac} {device.ipv4} * *\n")
    settings = net.settings(directory, lease_files=(leases,))

    def known() -> bool:
        sets = [
            net.in_gateway("nft", "list", "set", "inet", "kvar", name)
            for name in ("leases", "leased")
        ]
        return all(device.ipv4 in text for text in sets)

    with agent_in_thread(settings, net.gateway):
        wait_for(known, "the lease")
        net.in_gateway("nft", "flush", "set", "inet", "kvar", damaged)
        wait_for(known, "the lease again")


async def test_a_foreign_admission_is_taken_back(net: Network, gate: GateClient):
    net.in_gateway("nft", f"add element inet kvar admitted {{ {net.devices[1].mac} : 0x00990001 }}")
    await healed(gate, 1)
    assert not tcp_reaches(net.devices[1], net.world.ipv4, 443)
    assert net.devices[1].mac not in net.in_gateway(
        "nft", "list", "map", "inet", "kvar", "admitted"
    )


async def test_other_tables_are_left_alone(net: Network, gate: GateClient):
    """What Docker and firewalld do to tables of their own is none of our business."""
    foreign = "add table ip nat2; add chain ip nat2 x { type nat hook postrouting priority 100; }"
    net.in_gateway("nft", foreign)
    net.in_gateway("nft", "flush chain inet kvar forward")
    await healed(gate, 1)
    assert "nat2" in net.in_gateway("nft", "list", "tables")


async def test_the_watcher_hears_of_it(net: Network, gate: GateClient):
    events = gate.watch()
    assert (await anext(events))["event"] == "watching"
    net.in_gateway("nft", "flush", "ruleset")
    assert await anext(events) == {"event": "healed", "repaired": ["rules"]}
    await events.aclose()


async def test_a_recreated_interface_is_guarded_again(net: Network, gate: GateClient):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    run("ip", "-n", net.gateway, "link", "del", "guest0")
    await asyncio.wait_for(missing(gate, ["guest0"]), 60)
    net.make_guest_interface()
    net.reattach()
    await asyncio.wait_for(missing(gate, []), 60)
    wait_for(lambda: "to_guest0" in net.in_gateway("nft", "list", "ruleset"), "the egress chain")
    echo = udp_echo(net.world.open(socket.SOCK_DGRAM), 9)
    with echo, Stream(device, net.world.ipv4, 9) as stream:
        wait_for(lambda: len(stream.arrived) > 20, "the stream")
    counters = (await gate.usage()).devices[device.mac].counters
    assert counters.down_packets >= 20


async def missing(gate: GateClient, interfaces: list[str]) -> None:
    while (await gate.ping())["missing_interfaces"] != interfaces:
        await asyncio.sleep(0.01)


async def test_an_interface_that_flaps_keeps_its_guests(net: Network, gate: GateClient):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    echo = udp_echo(net.world.open(socket.SOCK_DGRAM), 9)
    with echo, Stream(device, net.world.ipv4, 9) as stream:
        wait_for(lambda: stream.arrived, "the stream")
        run("ip", "-n", net.gateway, "link", "set", "guest0", "down")
        run("ip", "-n", net.gateway, "link", "set", "guest0", "up")
        at = stream.sent
        wait_for(lambda: max(stream.arrived) > at, "the stream again")


async def test_our_own_changes_mend_nothing(net: Network, gate: GateClient):
    for number in range(50):
        await gate.admit(f"02:00:00:00:02:{number:02x}", 600)
    for number in range(50):
        await gate.expel(f"02:00:00:00:02:{number:02x}")
    net.in_gateway("nft", "add table inet other")
    await asyncio.sleep(1.2)  # two comparisons that find nothing to mend
    assert (await gate.ping())["healed"] == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_thousand_reloads_lose_nothing(net: Network, settings, family):
    device = net.devices[0]

    def reload_under_load() -> tuple[int, int]:
        gate = KernelGate(settings, time.monotonic, time.time, lambda *_: None)
        gate.open()
        gate.admit(Admit(device.mac, 600.0))
        with Stream(device, net.world.address(family), 9) as stream:
            wait_for(lambda: stream.arrived, "the stream")
            for _ in range(1000):
                gate._standing.put_up(gate._restore)
        gate.close()
        return stream.sent, stream.lost

    with udp_echo(net.world.open(socket.SOCK_DGRAM, family), 9):
        sent, lost = inside(net.gateway, reload_under_load)
    assert lost == 0
    assert sent > 500
