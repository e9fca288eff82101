"""What a device without a session gets: the login page, names, and a quick no to all else."""

import random
import socket
import time

import pytest

from firewall.client import GateClient
from firewall.settings import GardenGroup, GuestNetwork
from tests.firewall.conftest import agent_in_thread, wait_for
from tests.firewall.network import Machine, Network
from tests.firewall.traffic import (
    FAMILIES,
    packets_in_world,
    tcp_listener,
    tcp_reaches,
    udp_answer,
    udp_echo,
)

pytestmark = pytest.mark.root

PROTOCOLS = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("icmp6", 58),
    ("sctp", 132),
    ("gre", 47),
    ("6in4", 41),
]


def send_anywhere(device: Machine, dice: random.Random) -> None:
    """One packet to a random target, by a random protocol."""
    _, number = dice.choice(PROTOCOLS)
    family = dice.choice(FAMILIES)
    if family == socket.AF_INET:
        target = f"{dice.randrange(1, 224)}.{dice.randrange(256)}.{dice.randrange(256)}.9"
    else:
        prefix = dice.choice(["2001:db8:1", "2a00:1450", "fd00", "2002:cb00:7102", "2001:0"])
        target = f"{prefix}::{dice.randrange(1, 65536):x}"
    kind = {6: socket.SOCK_STREAM, 17: socket.SOCK_DGRAM}.get(number, socket.SOCK_RAW)
    with device.open(kind, family) if kind != socket.SOCK_RAW else device.raw(family, number) as s:
        s.settimeout(0)
        try:
            if kind == socket.SOCK_STREAM:
                s.connect((target, dice.randrange(1, 65536)))
            else:
                s.sendto(bytes(16), (target, dice.randrange(1, 65536) if number == 17 else 0))
        except OSError:
            pass  # in progress, or no such route: both are fine


@pytest.mark.usefixtures("agent")
def test_nothing_of_a_stranger_reaches_the_world(net: Network):
    net.route_everything_to_the_world()
    dice = random.Random(1)
    with packets_in_world(net) as seen:
        for _ in range(1000):
            send_anywhere(net.devices[0], dice)
        # the last word: what an admitted machine sends does arrive
        with net.open_in_gateway(socket.SOCK_DGRAM) as own:
            own.sendto(b"last", (net.world.ipv4, 9))
        wait_for(lambda: any(packet.endswith(b"last") for packet in seen), "our own packet")
    strange = [packet for packet in seen if not packet.endswith(b"last")]
    assert strange == []


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_is_reset_and_udp_refused(net: Network, family):
    device, world = net.devices[0], net.world.address(family)
    for port in (443, 853, 5223, 22):
        assert not tcp_reaches(device, world, port)
    assert udp_answer(device, world, 443) is None


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("family", FAMILIES)
def test_port_80_of_any_address_is_the_portal(net: Network, family):
    device, world = net.devices[0], net.world.address(family)
    with (
        tcp_listener(net.open_in_gateway(socket.SOCK_STREAM, family), 80) as portal,
        device.open(socket.SOCK_STREAM, family) as client,
    ):
        client.connect((world, 80))
        served, (peer, *_) = portal.accept()
        with served:
            assert peer == device.address(family)
            assert client.getpeername()[0] == world
            served.sendall(b"302")
            assert client.recv(10) == b"302"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_portal_may_listen_elsewhere(net: Network, directory, family):
    settings = net.settings(directory, http_port=8080, https_port=8443)
    device, own = net.devices[0], {socket.AF_INET: "10.77.0.1", socket.AF_INET6: "2001:db8:77::1"}
    with agent_in_thread(settings, net.gateway):
        for known, port in ((80, 8080), (443, 8443)):
            with tcp_listener(net.open_in_gateway(socket.SOCK_STREAM, family), port):
                assert tcp_reaches(device, own[family], known)
        with tcp_listener(net.open_in_gateway(socket.SOCK_STREAM, family), 8080):
            assert tcp_reaches(device, net.world.address(family), 80)
            assert not tcp_reaches(device, net.world.address(family), 443)


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_resolver_is_ours(net: Network, family):
    with udp_echo(net.open_in_gateway(socket.SOCK_DGRAM, family), 53) as asked:
        assert udp_answer(net.devices[0], net.world.address(family), 53, b"a?") == b"a?"
        assert asked == [(b"a?", net.devices[0].address(family))]


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_stranger_leaves_no_connection_entries(net: Network, family):
    device, world = net.devices[0], net.world.address(family)
    with device.open(socket.SOCK_DGRAM, family) as sprayer:
        for port in range(1000, 1500):
            try:
                sprayer.sendto(b"x", (world, port))
            except ConnectionRefusedError:
                continue
    assert not tcp_reaches(device, world, 443)
    table = net.in_gateway("conntrack", "-L", "-f", "ipv4" if family == socket.AF_INET else "ipv6")
    assert world not in table


@pytest.mark.parametrize("admitted", [False, True])
async def test_only_the_portals_ports_of_the_gateway_answer(net: Network, agent, admitted):
    device = net.devices[0]
    if admitted:
        async with GateClient(agent.socket_path) as gate:
            await gate.admit(device.mac, 600)
    for port, reached in ((22, False), (80, True), (443, True), (5432, False), (8443, False)):
        with tcp_listener(net.open_in_gateway(socket.SOCK_STREAM), port):
            assert tcp_reaches(device, "10.77.0.1", port) == reached, port
        if port != 80:
            # the gateway's other addresses are not the guests' business
            with tcp_listener(net.open_in_gateway(socket.SOCK_STREAM), port):
                assert not tcp_reaches(device, "203.0.113.1", port), port
    with udp_echo(net.open_in_gateway(socket.SOCK_DGRAM), 123):
        assert udp_answer(device, "10.77.0.1", 123) is None


def test_a_portal_address_beside_the_interface_is_reached(net: Network, directory):
    net.in_gateway("ip", "address", "add", "192.0.2.80/32", "dev", "lo")
    settings = net.settings(
        directory, guest_networks=(GuestNetwork("guest0", "main", ("192.0.2.80",)),)
    )
    with agent_in_thread(settings, net.gateway):
        for port, reached in ((443, True), (22, False)):
            with tcp_listener(net.open_in_gateway(socket.SOCK_STREAM), port):
                assert tcp_reaches(net.devices[0], "192.0.2.80", port) == reached


@pytest.mark.parametrize("family", FAMILIES)
def test_the_garden_is_open_at_its_port_only(net: Network, directory, family):
    group = GardenGroup("crl", ("ocsp.example.org", "203.0.113.2"), 8080)
    device, world = net.devices[0], net.world.address(family)
    with (
        agent_in_thread(net.settings(directory, garden=(group,)), net.gateway),
        tcp_listener(net.world.open(socket.SOCK_STREAM, family), 8080) as server,
    ):
        if family == socket.AF_INET6:  # as dnsmasq does when it has answered for the name
            assert not tcp_reaches(device, world, 8080)
            net.in_gateway("nft", f"add element inet kvar garden6_crl {{ {world} }}")
        with device.open(socket.SOCK_STREAM, family) as client:
            client.connect((world, 8080))
            with server.accept()[0] as served:
                served.sendall(b"good")
                assert client.recv(10) == b"good"
        assert not tcp_reaches(device, world, 8081)


def test_a_learned_garden_address_ends_by_itself(net: Network, directory):
    group = GardenGroup("crl", ("ocsp.example.org",), 8080)
    settings = net.settings(directory, garden=(group,), garden_lifetime_s=1)
    with (
        agent_in_thread(settings, net.gateway),
        tcp_listener(net.world.open(socket.SOCK_STREAM), 8080),
    ):
        net.in_gateway("nft", "add element inet kvar garden4_crl { 203.0.113.2 }")
        assert tcp_reaches(net.devices[0], "203.0.113.2", 8080)
        wait_for(lambda: not tcp_reaches(net.devices[0], "203.0.113.2", 8080), "its end")


@pytest.mark.usefixtures("agent")
def test_connections_to_the_portal_are_capped_for_each_device(net: Network):
    with tcp_listener(net.open_in_gateway(socket.SOCK_STREAM), 80):
        clients = [net.devices[0].open(socket.SOCK_STREAM) for _ in range(40)]
        reached = 0
        for client in clients:
            try:
                client.connect(("10.77.0.1", 80))
                reached += 1
            except ConnectionRefusedError:
                continue
        assert reached == 30
        assert tcp_reaches(net.devices[1], "10.77.0.1", 80)
        for client in clients:
            client.close()
    with tcp_listener(net.open_in_gateway(socket.SOCK_STREAM), 80):  # the old one has hung up
        wait_for(lambda: tcp_reaches(net.devices[0], "10.77.0.1", 80), "room again")


@pytest.mark.usefixtures("agent")
def test_a_strangers_names_carry_little(net: Network):
    question = bytes(172)  # 200 bytes on the wire
    with udp_echo(net.open_in_gateway(socket.SOCK_DGRAM), 53) as asked:
        started = time.monotonic()
        with net.devices[0].open(socket.SOCK_DGRAM) as client:
            while time.monotonic() - started < 2:
                client.sendto(question, ("10.77.0.1", 53))
                time.sleep(0.002)
        took = time.monotonic() - started
        carried = 200 * len(asked)
        assert carried <= 16_000 + 700 * (took + 1) + 200
        assert udp_answer(net.devices[1], "10.77.0.1", 53) == b"?"  # others are not touched


@pytest.mark.usefixtures("agent")
def test_a_strangers_answers_carry_little_too(net: Network):
    with udp_echo(net.open_in_gateway(socket.SOCK_DGRAM), 53) as _:
        with net.devices[0].open(socket.SOCK_DGRAM) as client:
            client.settimeout(0)
            started = time.monotonic()
            for _number in range(400):
                client.sendto(bytes(72), ("10.77.0.1", 53))
            answers = 0
            quiet = time.monotonic() + 0.5
            while time.monotonic() < quiet:
                try:
                    client.recv(2000)
                    answers += 1
                except BlockingIOError:
                    time.sleep(0.01)
        took = time.monotonic() - started
        assert 100 <= answers * 100 <= 16_000 + 700 * (took + 1) + 100
