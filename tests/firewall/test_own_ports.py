"""Ports of a device's own: who sent what can be told afterwards, and nothing else changes."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from firewall.client import GateClient
from firewall.port_blocks import SHARED_PORTS, PortBlocks
from firewall.settings import GateSettings, GuestNetwork
from firewall.verbs import Addresses
from tests.firewall.conftest import agent_in_thread, wait_for
from tests.firewall.network import Machine, Network
from tests.firewall.traffic import tcp_listener, udp_answer, udp_echo

SIZE = 64


@pytest.fixture
def logged(net: Network, directory: Path) -> Iterator[GateSettings]:
    settings = net.settings(directory, logged_sites=frozenset({"main"}), ports_per_device=SIZE)
    with agent_in_thread(settings, net.gateway):
        yield settings


@pytest.fixture
async def gate(logged: GateSettings) -> AsyncIterator[GateClient]:
    async with GateClient(logged.socket_path) as client:
        yield client


class Server:
    """Somebody on the internet, who sees public addresses and ports only."""

    def __init__(self, net: Network, port: int, left: ExitStack) -> None:
        self.address = (net.world.ipv4, port)
        self.left = left
        self.listener = left.enter_context(tcp_listener(net.world.open(socket.SOCK_STREAM), port))

    def sees(self, device: Machine, wait_s: float = 3) -> tuple[str, int] | None:
        """Return whom the server sees when the device connects, None where it never does."""
        client = self.left.enter_context(device.open(socket.SOCK_STREAM))
        client.settimeout(wait_s)
        try:
            client.connect(self.address)
        except TimeoutError:
            return None
        accepted, peer = self.listener.accept()
        self.left.enter_context(accepted)
        return peer[0], peer[1]


@pytest.fixture
def server(net: Network) -> Iterator[Server]:
    with ExitStack() as left:
        yield Server(net, 443, left)


@pytest.mark.root
async def test_each_device_leaves_by_its_own_ports(
    net: Network, gate: GateClient, server: Server
) -> None:
    for device in net.devices:
        await gate.admit(device.mac, 600)
    told = await gate.addresses()
    assert set(told.ports) == {device.mac for device in net.devices}
    first, second = (told.ports[device.mac] for device in net.devices)
    assert first.high < second.low or second.high < first.low
    for device in net.devices * 3:
        seen = server.sees(device)
        assert seen is not None
        own = told.ports[device.mac]
        assert seen[0] == "203.0.113.1"
        assert own.low <= seen[1] <= own.high


@pytest.mark.root
async def test_who_has_used_up_its_ports_waits_alone(
    net: Network, gate: GateClient, server: Server
) -> None:
    greedy, other = net.devices
    for device in net.devices:
        await gate.admit(device.mac, 600)
    ports = {server.sees(greedy) for _ in range(SIZE - 4)}  # the last few are found by luck only
    assert None not in ports
    assert len(ports) == SIZE - 4
    while server.sees(greedy, 0.3) is not None:
        pass
    assert server.sees(other) is not None
    elsewhere = Server(net, 8443, server.left)
    assert elsewhere.sees(greedy) is not None  # the same port serves for every other server
    server.left.close()
    fresh = Server(net, 443, server.left)
    wait_for(lambda: fresh.sees(greedy, 0.3) is not None, "a port that is free again")


@pytest.mark.root
async def test_ipv6_addresses_are_remembered_that_opened_a_connection(
    net: Network, gate: GateClient
) -> None:
    device, silent = net.devices
    for one in net.devices:
        await gate.admit(one.mac, 600)
    with udp_echo(net.world.open(socket.SOCK_DGRAM, socket.AF_INET6), 9):
        assert udp_answer(device, net.world.ipv6, 9) == b"?"
        told = await gate.addresses()
        assert (device.mac, device.ipv6) in told.ipv6
        assert silent.mac not in dict(told.ipv6)
        await gate.expel(device.mac)
        assert (await gate.addresses()).ipv6 == ()


@pytest.mark.root
async def test_sites_without_the_log_use_none_of_these_ports(
    net: Network, directory: Path, server: Server
) -> None:
    networks = (GuestNetwork("guest0", "main"), GuestNetwork("guest9", "logged"))
    settings = net.settings(directory, guest_networks=networks, logged_sites=frozenset({"logged"}))
    with agent_in_thread(settings, net.gateway):
        async with GateClient(settings.socket_path) as gate:
            await gate.admit(net.devices[0].mac, 600)
            seen = server.sees(net.devices[0])
    assert seen is not None
    assert seen[1] in SHARED_PORTS


@pytest.mark.root
async def test_turning_it_on_ends_what_stood_in_other_ports(
    net: Network, directory: Path, server: Server
) -> None:
    device, off = net.devices[0], net.settings(directory)
    with agent_in_thread(off, net.gateway):
        async with GateClient(off.socket_path) as gate:
            await gate.admit(device.mac, 600)
            assert await gate.addresses() == Addresses()
            assert server.sees(device) is not None

    def tracked() -> bool:
        return device.ipv4 in net.in_gateway("cat", "/proc/net/nf_conntrack")

    assert tracked()
    on = net.settings(directory, logged_sites=frozenset({"main"}), ports_per_device=SIZE)
    with agent_in_thread(on, net.gateway):
        wait_for(lambda: not tracked(), "the end of what stood")
        assert server.sees(device) is not None
    with agent_in_thread(on, net.gateway):  # nothing ends when the gate only restarts
        assert tracked()


def test_no_two_blocks_share_a_port() -> None:
    for size in (64, 100, 256, 4096):
        blocks = PortBlocks(size)
        taken = [port for _, ports in blocks.all() for port in ports]
        assert len(set(taken)) == len(taken) == blocks.count * size
        assert min(taken) == 1024
        assert max(taken) < SHARED_PORTS.start
        assert dict(blocks.all()) == {n: blocks.of(n) for n in range(1, blocks.count + 1)}
        assert blocks.of(0) is blocks.of(blocks.count + 1) is None
    assert PortBlocks(256).count == 220


@pytest.mark.parametrize("size", [63, 4097])
def test_a_block_has_a_sensible_size(size: int) -> None:
    with pytest.raises(ValueError, match="64-4096"):
        PortBlocks(size)


def test_only_a_site_of_the_gate_can_be_logged() -> None:
    with pytest.raises(ValueError, match="no such site"):
        GateSettings(
            guest_networks=(GuestNetwork("guest0", "main"),), logged_sites=frozenset({"east"})
        )
