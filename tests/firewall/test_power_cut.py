"""After a power cut the kernel knows nobody: the list on the disk says who goes on."""

import socket
import time

import pytest

from firewall.client import GateClient
from firewall.snapshot import Snapshot, encode
from tests.firewall.conftest import agent_in_thread
from tests.firewall.network import Network
from tests.firewall.traffic import FAMILIES, tcp_listener, tcp_reaches

pytestmark = pytest.mark.root

OTHER = "02:00:00:00:00:09"


@pytest.fixture
def restored(net: Network, directory):
    return net.settings(directory, snapshot_path=directory / "devices")


def write(settings, *devices: tuple[str, float], written_ago_s: float = 5.0) -> None:
    now = time.time()
    snapshot = Snapshot(now - written_ago_s, tuple((mac, now + left) for mac, left in devices))
    settings.snapshot_path.write_bytes(encode(snapshot))


def reached(net: Network) -> list[bool]:
    with tcp_listener(net.world.open(socket.SOCK_STREAM), 443):
        return [tcp_reaches(device, net.world.ipv4, 443) for device in net.devices]


async def admitted(settings) -> dict[str, float]:
    async with GateClient(settings.socket_path) as gate:
        return {m: round(d.remaining_s, -1) for m, d in (await gate.usage()).devices.items()}


async def test_who_was_in_goes_on_and_nobody_else(net: Network, restored):
    write(restored, (net.devices[0].mac, 600), (OTHER, -1))
    with agent_in_thread(restored, net.gateway):
        assert await admitted(restored) == {net.devices[0].mac: 600}
        assert reached(net) == [True, False]


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_keeper_has_the_last_word(net: Network, restored, family):
    first, second = net.devices
    write(restored, (first.mac, 600))
    with (
        agent_in_thread(restored, net.gateway),
        tcp_listener(net.world.open(socket.SOCK_STREAM, family), 443),
    ):
        async with GateClient(restored.socket_path) as gate:
            changes = await gate.reconcile([(second.mac, 600, "default")])
        assert (changes.admitted, list(changes.expelled)) == ((second.mac,), [first.mac])
        assert not tcp_reaches(first, net.world.address(family), 443)
        assert tcp_reaches(second, net.world.address(family), 443)


async def test_a_restart_alone_asks_the_kernel_and_not_the_disk(net: Network, restored):
    write(restored, (net.devices[0].mac, 600))
    with agent_in_thread(restored, net.gateway):
        async with GateClient(restored.socket_path) as gate:
            await gate.expel(net.devices[0].mac)
    with agent_in_thread(restored, net.gateway):
        assert await admitted(restored) == {}


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
async def test_a_damaged_list_lets_nobody_in(net: Network, restored, damage):
    write(restored, (net.devices[0].mac, 600))
    data = restored.snapshot_path.read_bytes()
    harm = {"cut": data[:-2], "changed": data.replace(b":01", b":02"), "empty": b""}
    restored.snapshot_path.write_bytes(harm[damage])
    with agent_in_thread(restored, net.gateway):
        assert await admitted(restored) == {}
        assert reached(net) == [False, False]


async def test_a_list_from_the_future_leaves_the_time_it_left(net: Network, restored):
    """Or the clock has lost its battery; either way nobody gets more than he had."""
    write(restored, (net.devices[0].mac, 9000), written_ago_s=-8000)
    with agent_in_thread(restored, net.gateway):
        assert await admitted(restored) == {net.devices[0].mac: 1000}


async def test_no_more_come_back_than_the_gate_takes(net: Network, directory):
    settings = net.settings(directory, snapshot_path=directory / "devices", devices_max=2)
    write(settings, *((f"02:00:00:00:00:0{n}", 600) for n in range(1, 5)))
    with agent_in_thread(settings, net.gateway):
        assert len(await admitted(settings)) == 2
