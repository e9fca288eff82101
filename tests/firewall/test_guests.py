"""What a device with a session gets, and that all of it ends with the session."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network

import pytest

from firewall.client import GateClient
from firewall.gate import KernelGate
from firewall.reaper import Reaper
from firewall.verbs import Admit
from tests.firewall.conftest import agent_in_thread, wait_for
from tests.firewall.network import Network, inside, run
from tests.firewall.traffic import (
    FAMILIES,
    Stream,
    Transfer,
    connection,
    tcp_listener,
    tcp_reaches,
    udp_answer,
    udp_echo,
)

pytestmark = pytest.mark.root


@pytest.mark.parametrize("family", FAMILIES)
async def test_an_admitted_device_is_online_at_once(net: Network, gate: GateClient, family):
    device, world = net.devices[0], net.world.address(family)
    with tcp_listener(net.world.open(socket.SOCK_STREAM, family), 443):
        assert not tcp_reaches(device, world, 443)
        await gate.admit(device.mac, 600)
        assert tcp_reaches(device, world, 443)
    with udp_echo(net.world.open(socket.SOCK_DGRAM, family), 443):
        assert udp_answer(device, world, 443) == b"?"
        assert udp_answer(net.devices[1], world, 443) is None


async def test_ipv4_leaves_under_the_gateways_address(net: Network, gate: GateClient):
    await gate.admit(net.devices[0].mac, 600)
    with udp_echo(net.world.open(socket.SOCK_DGRAM), 9) as came:
        udp_answer(net.devices[0], net.world.ipv4, 9)
    assert [address for _, address in came] == ["203.0.113.1"]


async def test_a_new_ipv6_address_needs_no_new_session(net: Network, gate: GateClient):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    with udp_echo(net.world.open(socket.SOCK_DGRAM, socket.AF_INET6), 9) as came:
        device.run("ip", "address", "add", "2001:db8:77::beef/128", "dev", "eth0", "nodad")
        with device.open(socket.SOCK_DGRAM, socket.AF_INET6) as client:
            client.bind(("2001:db8:77::beef", 0))
            client.sendto(b"?", (net.world.ipv6, 9))
            assert client.recv(10) == b"?"
    assert came[0][1] == "2001:db8:77::beef"


async def test_nobody_leaves_under_a_strange_ipv6_address(net: Network, gate: GateClient):
    device, world = net.devices[0], net.world.ipv6
    strange = "2001:db8:bad::1"  # the way to it leads to the world
    net.route_everything_to_the_world()
    device.run("ip", "address", "add", f"{strange}/128", "dev", "eth0", "nodad")
    await gate.admit(device.mac, 600)
    with udp_echo(net.world.open(socket.SOCK_DGRAM, socket.AF_INET6), 9) as came:
        for source in (strange, device.ipv6):
            with device.open(socket.SOCK_DGRAM, socket.AF_INET6) as client:
                client.bind((source, 0))
                client.sendto(source.encode(), (world, 9))
        wait_for(lambda: came, "the datagram from the device's own address")
    assert [address for _, address in came] == [device.ipv6]


async def test_counters_count_both_ways_and_both_families(net: Network, gate: GateClient):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    for family in FAMILIES:
        with udp_echo(net.world.open(socket.SOCK_DGRAM, family), 9):
            for _ in range(10):
                udp_answer(device, net.world.address(family), 9, bytes(100))
    counters = (await gate.usage()).devices[device.mac].counters
    # 10 of 128 and 10 of 148 bytes; neighbour discovery to the gateway comes on top, going up
    assert counters.down_packets >= 20
    assert counters.up_packets >= 20
    assert 2760 <= counters.up_bytes < 5000
    assert 2760 <= counters.down_bytes < 5000
    final = await gate.expel(device.mac)
    assert final is not None
    assert final.up_packets >= counters.up_packets


async def test_changing_a_session_loses_no_packet_and_no_count(net: Network, gate: GateClient):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    echo = udp_echo(net.world.open(socket.SOCK_DGRAM), 9)
    with echo, Stream(device, net.world.ipv4, 9) as stream:
        wait_for(lambda: stream.arrived, "the stream")
        for number in range(200):
            await gate.admit(device.mac, 700 + number)
    counters = (await gate.usage()).devices[device.mac].counters
    assert stream.lost == 0
    assert counters.up_packets >= len(stream.arrived)
    assert counters.down_packets >= len(stream.arrived)
    assert counters.up_packets < stream.sent + 20


@pytest.mark.parametrize("family", FAMILIES)
async def test_expelling_kills_a_running_upload(net: Network, gate: GateClient, family):
    await check_end(net, gate, family, upload=True)


@pytest.mark.parametrize("family", FAMILIES)
async def test_expelling_kills_a_running_download(net: Network, gate: GateClient, family):
    await check_end(net, gate, family, upload=False)


async def check_end(net: Network, gate: GateClient, family: int, *, upload: bool) -> None:
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    with connection(net, device, family) as (client, served):
        ends = (client, served) if upload else (served, client)
        with Transfer(*ends) as moving:
            wait_for(lambda: len(moving.arrivals) > 20, "the transfer")
            await gate.expel(device.mac)
            ended = time.monotonic()
            wait_for(lambda: time.monotonic() > ended + 1.3, "silence long enough to be one")
        assert moving.arrivals[-1] < ended + 1.0
    assert "dport=8080" not in connections(net, family)


@pytest.mark.parametrize("family", FAMILIES)
async def test_expelling_kills_a_running_udp_flow(net: Network, gate: GateClient, family):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    echo = udp_echo(net.world.open(socket.SOCK_DGRAM, family), 9)
    with echo, Stream(device, net.world.address(family), 9) as stream:
        wait_for(lambda: len(stream.arrived) > 20, "the stream")
        await gate.expel(device.mac)
        ended = time.monotonic()
        at = stream.sent
        wait_for(lambda: stream.sent > at + 600, "more datagrams")
    assert max(stream.arrived.values()) < ended + 1.0


async def test_opening_the_gate_ends_captured_flows(net: Network, gate: GateClient):
    """A name asked from one port before and after login goes to the resolver that was asked."""
    device = net.devices[0]
    with (
        udp_echo(net.open_in_gateway(socket.SOCK_DGRAM), 53) as ours,
        udp_echo(net.world.open(socket.SOCK_DGRAM), 53) as theirs,
        device.open(socket.SOCK_DGRAM) as client,
    ):
        client.bind(("", 5353))
        client.connect((net.world.ipv4, 53))
        client.send(b"before")
        assert client.recv(10) == b"before"
        await gate.admit(device.mac, 600)

        def asks_the_genuine_one() -> bool:
            client.settimeout(0.3)
            client.send(b"after")
            with suppress(TimeoutError):  # the flow may end between question and answer
                assert client.recv(10) == b"after"
            return (b"after", "203.0.113.1") in theirs

        wait_for(asks_the_genuine_one, "the flow's end")
    assert ours[0][0] == b"before"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_captured_connection_ends_with_the_login(net: Network, settings, family):
    """A browser keeps it alive: it must not reach the portal again, even before it is deleted."""
    device, world = net.devices[0], net.world.address(family)
    with (
        undertaken(net, settings) as (gate, doomed),
        tcp_listener(net.open_in_gateway(socket.SOCK_STREAM, family), 80) as portal,
        device.open(socket.SOCK_STREAM, family) as client,
    ):
        client.connect((world, 80))
        with portal.accept()[0] as served:
            gate.admit(Admit(device.mac, 600.0))
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            served.settimeout(0.5)
            with pytest.raises(TimeoutError):
                served.recv(100)
            with tcp_listener(net.world.open(socket.SOCK_STREAM, family), 80):
                assert tcp_reaches(device, world, 80)
            reaper = inside(net.gateway, Reaper)
            reaper.delete(doomed)
            reaper.close()
            with pytest.raises(ConnectionResetError):  # by the genuine host, which knows it not
                client.recv(100)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("upload", [True, False])
def test_a_transfer_ends_though_its_connection_is_known(net, settings, family, upload):
    """No packet passes after an expulsion, however long its connections wait to be deleted."""
    device = net.devices[0]
    with undertaken(net, settings) as (gate, _):
        gate.admit(Admit(device.mac, 600.0))
        with connection(net, device, family) as (client, served):
            ends = (client, served) if upload else (served, client)
            with Transfer(*ends) as moving:
                wait_for(lambda: len(moving.arrivals) > 20, "the transfer")
                gate.expel(device.mac)
                ended = time.monotonic()
                wait_for(lambda: time.monotonic() > ended + 1, "silence long enough to be one")
            # what was in a receiver's buffer at that moment may still be read
            assert moving.arrivals[-1] < ended + 0.25
            assert "dport=8080" in connections(net, family)


@contextmanager
def undertaken(net: Network, settings) -> Iterator[tuple[KernelGate, list[tuple[int, int]]]]:
    """Have a gate whose doomed connections nobody deletes."""
    doomed: list[tuple[int, int]] = []

    def make() -> KernelGate:
        return KernelGate(settings, time.monotonic, time.time, lambda *it: doomed.append(it))

    gate = inside(net.gateway, make)
    inside(net.gateway, gate.open)  # libnftables opens its socket when it is first used
    try:
        yield gate, doomed
    finally:
        gate.close()


def connections(net: Network, family: int) -> str:
    name = "ipv4" if family == socket.AF_INET else "ipv6"
    return net.in_gateway("conntrack", "-L", "-f", name)


@pytest.mark.parametrize("port", [80, 443])
async def test_the_login_connection_outlives_the_login(net: Network, gate: GateClient, port):
    device = net.devices[0]
    with (
        tcp_listener(net.open_in_gateway(socket.SOCK_STREAM), port) as portal,
        device.open(socket.SOCK_STREAM) as client,
    ):
        client.connect(("10.77.0.1", port))
        with portal.accept()[0] as served:
            for verb in (lambda: gate.admit(device.mac, 600), lambda: gate.expel(device.mac)):
                await verb()
                client.send(b"more")
                assert served.recv(10) == b"more"
                served.send(b"303")
                assert client.recv(10) == b"303"


async def test_guests_do_not_reach_each_other(net: Network, gate: GateClient):
    first, second = net.devices
    for device in (first, second):
        await gate.admit(device.mac, 600)
    for device, other in ((first, second), (second, first)):  # round the isolation, by the gateway
        device.run("ip", "route", "add", other.ipv4, "via", "10.77.0.1")
        device.run("ip", "-6", "route", "add", other.ipv6, "via", "2001:db8:77::1")
    for family in FAMILIES:
        with tcp_listener(second.open(socket.SOCK_STREAM, family), 445):
            assert not tcp_reaches(first, second.address(family), 445)


async def test_guests_do_not_reach_internal_networks(net: Network, directory):
    net.world.run("ip", "address", "add", "10.9.0.2/24", "dev", "eth0")
    net.world.run("ip", "address", "add", "10.8.0.2/24", "dev", "eth0")
    net.world.run("ip", "address", "add", "fd09::2/64", "dev", "eth0", "nodad")
    for network in ("10.8.0.0/24", "10.9.0.0/24", "fd09::/64"):
        run("ip", "-n", net.gateway, "route", "add", network, "dev", "wan0")
    settings = net.settings(directory, allowed_networks=(ip_network("10.9.0.0/24"),))
    with agent_in_thread(settings, net.gateway):
        async with GateClient(settings.socket_path) as gate:
            await gate.admit(net.devices[0].mac, 600)
        with tcp_listener(net.world.open(socket.SOCK_STREAM), 80):
            assert tcp_reaches(net.devices[0], "10.9.0.2", 80)
            assert not tcp_reaches(net.devices[0], "10.8.0.2", 80)
        with tcp_listener(net.world.open(socket.SOCK_STREAM, socket.AF_INET6), 80):
            assert not tcp_reaches(net.devices[0], "fd09::2", 80)


async def test_the_world_does_not_reach_guests(net: Network, gate: GateClient):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    with udp_echo(device.open(socket.SOCK_DGRAM, socket.AF_INET6), 9) as came:
        with net.world.open(socket.SOCK_DGRAM, socket.AF_INET6) as stranger:
            for _ in range(20):
                stranger.sendto(b"?", (device.ipv6, 9))
            with udp_echo(net.world.open(socket.SOCK_DGRAM, socket.AF_INET6), 9):
                assert udp_answer(device, net.world.ipv6, 9) == b"?"
        assert came == []


def leased(net: Network) -> str:
    return net.in_gateway("nft", "list", "set", "inet", "kvar", "leased")


async def test_an_address_leased_to_one_device_is_refused_from_another(net: Network, directory):
    first, second = net.devices
    leases = directory / "dnsmasq.leases"
    leases.write_text(f"0 {second.mac} {second.ipv4} * *\n")
    settings = net.settings(directory, lease_files=(leases,))
    with agent_in_thread(settings, net.gateway):
        async with GateClient(settings.socket_path) as gate:
            for device in net.devices:
                await gate.admit(device.mac, 600)
        wait_for(lambda: second.ipv4 in leased(net), "the lease")
        with udp_echo(net.world.open(socket.SOCK_DGRAM), 9) as came:
            assert udp_answer(second, net.world.ipv4, 9, b"mine") == b"mine"
            assert udp_answer(first, net.world.ipv4, 9, b"free") == b"free"
            second.run("ip", "link", "set", "eth0", "down")
            first.run("ip", "address", "add", f"{second.ipv4}/24", "dev", "eth0")
            with first.open(socket.SOCK_DGRAM) as thief:
                thief.bind((second.ipv4, 0))
                thief.sendto(b"stolen", (net.world.ipv4, 9))
                assert udp_answer(first, net.world.ipv4, 9, b"last") == b"last"
        assert [data for data, _ in came] == [b"mine", b"free", b"last"]
        leases.write_text("")
        wait_for(lambda: second.ipv4 not in leased(net), "the lease's end")


@pytest.mark.parametrize("family", FAMILIES)
async def test_an_address_tells_its_device(net: Network, gate: GateClient, family):
    device = net.devices[0]
    assert await gate.identify(device.address(family)) is None
    with udp_echo(net.open_in_gateway(socket.SOCK_DGRAM, family), 53):
        udp_answer(device, {2: "10.77.0.1", 10: "2001:db8:77::1"}[family], 53)
    found = await gate.identify(device.address(family))
    assert found is not None
    assert (found.mac, found.interface, found.site) == (device.mac, "guest0", "main")


def link_local(namespace: str, interface: str) -> str:
    words = run(
        "ip", "-n", namespace, "-6", "-o", "address", "show", "dev", interface, "scope", "link"
    )
    return words.split("inet6 ")[1].split("/")[0]


async def test_a_link_local_address_tells_its_device(net: Network, gate: GateClient):
    device = net.devices[0]
    with device.open(socket.SOCK_STREAM, socket.AF_INET6) as client:
        index = int(device.run("cat", "/sys/class/net/eth0/ifindex"))
        with pytest.raises(ConnectionRefusedError):  # nobody listens; the neighbour is known
            client.connect((link_local(net.gateway, "guest0"), 80, 0, index))
    address = link_local(device.namespace, "eth0")
    found = await gate.identify(f"{address}%guest0")
    assert found is not None
    assert found.mac == device.mac
    assert await gate.identify(f"{address}%wan0") is None


async def test_a_strange_device_is_told_of(net: Network, gate: GateClient):
    device = net.devices[0]
    events = gate.watch()
    assert (await anext(events))["event"] == "watching"
    with udp_echo(net.open_in_gateway(socket.SOCK_DGRAM), 53):
        udp_answer(device, "10.77.0.1", 53)
    event = await anext(events)
    assert event == {
        "event": "device_seen",
        "mac": device.mac,
        "ip": device.ipv4,
        "interface": "guest0",
        "site": "main",
    }
    await events.aclose()
