"""Devices are heard before they use the network, and while they do not."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from firewall.client import GateClient
from firewall.settings import GuestNetwork
from tests.firewall import frames
from tests.firewall.conftest import agent_in_thread
from tests.firewall.network import Machine, Network, inside, run
from tests.firewall.traffic import FAMILIES, udp_echo

pytestmark = pytest.mark.root

FIRST_FRAMES = {
    "gratuitous arp": lambda mac: frames.arp("10.77.0.101", "10.77.0.101", mac=mac),
    "dhcp discover": lambda mac: frames.dhcp(frames.UNSPECIFIED, mac=mac),
    "router solicitation": lambda mac: frames.icmpv6(133, "::", mac=mac),
    "dhcpv6": lambda mac: frames.dhcpv6("fe80::77", mac=mac),
}
OTHER_MAC = "02:00:00:00:77:99"


def send(device: Machine, frame: bytes, interface: str = "eth0") -> None:
    with raw(device, interface) as opened:
        opened.send(frame)


@contextmanager
def raw(device: Machine, interface: str = "eth0") -> Iterator[socket.socket]:
    opened = inside(device.namespace, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    with opened:
        opened.bind((interface, 0))
        yield opened


def fall_asleep(net: Network, device: Machine) -> None:
    """As a phone that locks: no packet of its own; and the gateway forgets it."""
    device.run("ip", "route", "flush", "table", "main")
    net.in_gateway("ip", "neigh", "flush", "all")


async def following(events: Any, name: str, mac: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        async for event in events:
            if event["event"] == name and event["mac"] == mac:
                found: dict[str, Any] = event
                return found
    raise AssertionError(name)


async def heard_s_ago(gate: GateClient, mac: str) -> float | None:
    return (await gate.usage()).devices[mac].heard_s_ago


async def heard(gate: GateClient, mac: str) -> None:
    async with asyncio.timeout(60):
        while await heard_s_ago(gate, mac) is None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("frame", FIRST_FRAMES.values(), ids=FIRST_FRAMES.keys())
async def test_a_stranger_is_seen_before_its_first_packet(net: Network, gate: GateClient, frame):
    events = gate.watch()
    assert (await anext(events))["event"] == "watching"
    send(net.devices[0], frame(OTHER_MAC))
    event = await following(events, "device_seen", OTHER_MAC)
    assert (event["interface"], event["site"]) == ("guest0", "main")
    assert event["ip"] in ("", "10.77.0.101", "fe80::77")
    await events.aclose()


@pytest.mark.parametrize("frame", FIRST_FRAMES.values(), ids=FIRST_FRAMES.keys())
async def test_the_same_frames_are_signs_of_life_of_a_guest(net: Network, gate, frame):
    await gate.admit(OTHER_MAC, 600)
    assert await heard_s_ago(gate, OTHER_MAC) is None
    send(net.devices[0], frame(OTHER_MAC))
    await heard(gate, OTHER_MAC)


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_device_that_uses_the_network_is_heard(net: Network, gate: GateClient, family):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    with (
        udp_echo(net.world.open(socket.SOCK_DGRAM, family), 9),
        device.open(socket.SOCK_DGRAM, family) as client,
    ):
        client.connect((net.world.address(family), 9))
        client.send(b"?")
        assert client.recv(10) == b"?"
    await heard(gate, device.mac)


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_device_without_traffic_answers_a_probe(net: Network, gate: GateClient, family):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    send(device, frames.arp(device.ipv4, device.ipv4, mac=device.mac))
    send(device, frames.icmpv6(136, device.ipv6, mac=device.mac))
    await heard(gate, device.mac)
    fall_asleep(net, device)
    other = "ipv6" if family == socket.AF_INET else "ipv4"
    if other == "ipv6":
        device.run("ip", "-6", "address", "flush", "dev", "eth0")
    else:
        device.run("ip", "-4", "address", "flush", "dev", "eth0")
    await asyncio.sleep(0.3)
    before = await heard_s_ago(gate, device.mac)
    assert before is not None
    async with asyncio.timeout(60):
        while (await heard_s_ago(gate, device.mac) or 0.0) >= before:
            assert await gate.probe([device.mac]) == 1
            await asyncio.sleep(0.02)


async def test_a_device_known_by_its_lease_alone_is_asked(net: Network, directory):
    device = net.devices[0]
    leases = directory / "dnsmasq.leases"
    leases.write_text(f"0 {device.mac} {device.ipv4} * *\n")
    settings = net.settings(directory, lease_files=(leases,))
    with agent_in_thread(settings, net.gateway):
        async with GateClient(settings.socket_path) as gate:
            await gate.admit(device.mac, 600)
            assert await heard_s_ago(gate, device.mac) is None
            async with asyncio.timeout(60):
                while await heard_s_ago(gate, device.mac) is None:
                    await gate.probe([device.mac])
                    await asyncio.sleep(0.02)


async def test_after_a_restart_the_kernel_says_whom_to_ask_where(net: Network, settings):
    device = net.devices[0]
    net.in_gateway("ip", "neigh", "replace", device.ipv4, "lladdr", device.mac, "dev", "guest0",
                   "nud", "stale")  # fmt: skip
    with agent_in_thread(settings, net.gateway):
        async with GateClient(settings.socket_path) as gate:
            await gate.admit(device.mac, 600)
            assert await heard_s_ago(gate, device.mac) is None
            assert await gate.probe([device.mac]) == 1
            await heard(gate, device.mac)


async def test_a_device_that_is_away_is_asked_and_nothing_is_made_of_it(net: Network, gate):
    net.in_gateway("ip", "neigh", "replace", "10.77.0.200", "lladdr", OTHER_MAC, "dev", "guest0",
                   "nud", "stale")  # fmt: skip
    await gate.admit(OTHER_MAC, 600)
    assert await gate.probe([OTHER_MAC]) == 1
    await asyncio.sleep(0.2)
    assert await heard_s_ago(gate, OTHER_MAC) is None
    assert list((await gate.usage()).devices) == [OTHER_MAC]


async def test_probes_count_for_nobodys_traffic(net: Network, gate: GateClient):
    device = net.devices[0]
    await gate.admit(device.mac, 600)
    send(device, frames.arp(device.ipv4, device.ipv4, mac=device.mac))
    await heard(gate, device.mac)
    before = (await gate.usage()).devices[device.mac].counters
    for _ in range(5):
        await gate.probe([device.mac])
        await asyncio.sleep(0.05)
    after = (await gate.usage()).devices[device.mac].counters
    assert after.down_packets == before.down_packets


async def test_an_interface_made_anew_is_listened_to_again(net: Network, gate: GateClient):
    events = gate.watch()
    assert (await anext(events))["event"] == "watching"
    for round_ in range(3):
        run("ip", "-n", net.gateway, "link", "del", "guest0")
        net.make_guest_interface()
        net.reattach()
        mac = f"02:00:00:00:78:{round_:02x}"
        sending = threading.Event()
        thread = threading.Thread(target=call_often, args=(net.devices[0], mac, sending))
        thread.start()
        try:
            await following(events, "device_seen", mac)
        finally:
            sending.set()
            thread.join()
    await events.aclose()


def call_often(device: Machine, mac: str, stop: threading.Event) -> None:
    with raw(device) as opened:
        while not stop.wait(0.05):
            with contextlib.suppress(OSError):
                opened.send(frames.arp("10.77.0.7", "10.77.0.7", mac=mac))


async def test_an_interface_that_flaps_is_listened_to_again(net: Network, gate: GateClient):
    await gate.admit(OTHER_MAC, 600)
    run("ip", "-n", net.gateway, "link", "set", "guest0", "down")
    run("ip", "-n", net.gateway, "link", "set", "guest0", "up")
    stop = threading.Event()
    thread = threading.Thread(target=call_often, args=(net.devices[0], OTHER_MAC, stop))
    thread.start()
    try:
        await heard(gate, OTHER_MAC)
    finally:
        stop.set()
        thread.join()


async def test_a_guest_on_another_network_is_told_of(net: Network, directory):
    networks = (GuestNetwork("guest0", "main"), GuestNetwork("guest1", "branch"))
    run("ip", "-n", net.gateway, "link", "add", "guest1", "type", "veth", "peer", "name", "eth1",
        "netns", net.devices[1].namespace)  # fmt: skip
    run("ip", "-n", net.gateway, "link", "set", "guest1", "up")
    net.devices[1].run("ip", "link", "set", "eth1", "up")
    settings = net.settings(directory, guest_networks=networks)
    with agent_in_thread(settings, net.gateway):
        async with GateClient(settings.socket_path) as gate:
            await gate.admit(OTHER_MAC, 600)
            events = gate.watch()
            assert (await anext(events))["event"] == "watching"
            frame = frames.arp("10.77.0.7", "10.77.0.7", mac=OTHER_MAC)
            send(net.devices[0], frame)
            await heard(gate, OTHER_MAC)
            send(net.devices[1], frame, "eth1")
            event = await following(events, "device_elsewhere", OTHER_MAC)
            assert (event["interface"], event["site"], event["before"]) == (
                "guest1",
                "branch",
                "guest0",
            )
            assert OTHER_MAC in (await gate.usage()).devices
            await events.aclose()


def flood(device: Machine, seconds: float, macs: int) -> int:
    """ARP as fast as it goes, from so many invented devices."""
    made = [frames.arp("10.77.0.7", "10.77.0.1", mac=f"06:00:00:00:{n >> 8:02x}:{n & 255:02x}")
            for n in range(macs)]  # fmt: skip
    sent, end = 0, time.monotonic() + seconds
    with raw(device) as opened:
        while time.monotonic() < end:
            for frame in made:
                with contextlib.suppress(OSError):
                    opened.send(frame)
                    sent += 1
    return sent


@pytest.mark.parametrize("macs", [1, 5_000])
async def test_a_flood_leaves_the_gate_answering_and_other_devices_heard(
    net: Network, agent_process, macs
):
    with agent_process() as process:
        async with GateClient(process.path) as gate:
            await gate.admit(OTHER_MAC, 600)
            flooding = asyncio.to_thread(flood, net.devices[0], 2.0, macs)
            stop = threading.Event()
            calling = asyncio.to_thread(call_often, net.devices[1], OTHER_MAC, stop)
            async with asyncio.TaskGroup() as tasks:
                sent = tasks.create_task(flooding)
                tasks.create_task(calling)
                await heard(gate, OTHER_MAC)
                stop.set()
            assert (await gate.ping())["devices"] == 1
    assert sent.result() > 5_000
