"""The kernel's events get lost, or nobody hears them: comparing finds the damage all the same."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from firewall.client import GateClient
from firewall.elements import Add, Delete, Element, SetName
from firewall.kernel import NETLINK_NETFILTER, NETLINK_ROUTE
from firewall.nft import Nftables
from tests.firewall.conftest import wait_for
from tests.firewall.network import Network, inside
from tests.firewall.test_healing import healed
from tests.firewall.test_presence import OTHER_MAC, call_often, heard

pytestmark = pytest.mark.root

OTHER = SetName("inet", "other", "busy")
_SOL_NETLINK, _DROP_MEMBERSHIP = 270, 2
_GROUPS = {NETLINK_NETFILTER: (7,), NETLINK_ROUTE: (1, 3, 8, 19)}


def own_sockets() -> Iterator[tuple[int, socket.socket]]:
    """This process's sockets, the agent's among them, by descriptor."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        with suppress(FileNotFoundError):  # the listing's own descriptor
            if entry.readlink().name.startswith("socket:"):
                with socket.socket(fileno=os.dup(int(entry.name))) as opened:
                    yield int(entry.name), opened


def monitors() -> Iterator[tuple[int, socket.socket]]:
    """The agent's listening sockets, by protocol: they alone are in groups."""
    for _, opened in own_sockets():
        if opened.family == socket.AF_NETLINK and opened.getsockname()[1]:
            yield opened.proto, opened


def shrink() -> int:
    return sum(
        1 for _, one in monitors() if not one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    )


def deafen() -> int:
    found = 0
    for protocol, monitor in monitors():
        for group in _GROUPS[protocol]:
            monitor.setsockopt(_SOL_NETLINK, _DROP_MEMBERSHIP, group)
        found += 1
    return found


@contextmanager
def changes_all_the_time(net: Network) -> Iterator[list[int]]:
    """Somebody else's set, some thousand changes a second."""
    net.in_gateway("nft", "add table inet other; add set inet other busy { type ipv4_addr; }")
    stop, counts = threading.Event(), [0]

    def change() -> None:
        nftables = Nftables()
        keys = [socket.inet_aton(f"10.0.{n // 250}.{n % 250}") for n in range(100)]
        while not stop.is_set():
            nftables.change([Add(OTHER, tuple(Element(key) for key in keys))])
            nftables.change([Delete(OTHER, tuple(keys))])
            counts[0] += 2 * len(keys)
            stop.wait(0.005)
        nftables.close()

    thread = threading.Thread(target=lambda: inside(net.gateway, change))
    thread.start()
    try:
        yield counts
    finally:
        stop.set()
        thread.join()


async def mended_within_s(net: Network, gate: GateClient) -> float:
    """Best of five, because a busy test machine may put the agent off for any time."""
    took = []
    for times in range(1, 6):
        began = time.monotonic()
        net.in_gateway("nft", "delete", "table", "inet", "kvar")
        await healed(gate, times)
        took.append(time.monotonic() - began)
    return min(took)


async def test_what_events_no_longer_tell_is_found_by_comparing(net: Network, gate: GateClient):
    await gate.admit(net.devices[0].mac, 600)
    assert deafen() == 3
    assert await mended_within_s(net, gate) <= 1.0
    assert list((await gate.usage()).devices) == [net.devices[0].mac]


async def test_a_dead_ear_grows_again(net: Network, gate: GateClient):
    """Its descriptor is another socket's, as after the worst of mistakes; the gate goes on."""
    await gate.admit(OTHER_MAC, 600)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as strange:
        (descriptor,) = (number for number, one in own_sockets() if one.family == socket.AF_PACKET)
        os.dup2(strange.fileno(), descriptor)
    stop = threading.Event()
    thread = threading.Thread(target=call_often, args=(net.devices[0], OTHER_MAC, stop))
    thread.start()
    try:
        await heard(gate, OTHER_MAC)
    finally:
        stop.set()
        thread.join()


async def test_events_lost_in_a_flood_are_made_up_for(net: Network, gate: GateClient):
    await gate.admit(net.devices[0].mac, 600)
    assert shrink() == 3
    with changes_all_the_time(net) as counts:
        wait_for(lambda: counts[0] > 2_000, "the changes")
        assert await mended_within_s(net, gate) <= 1.0
    assert list((await gate.usage()).devices) == [net.devices[0].mac]
    assert net.devices[0].mac in net.in_gateway("nft", "list", "map", "inet", "kvar", "admitted")
