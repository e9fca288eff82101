"""A network in namespaces for the gate's own tests: devices - gateway - world.

Not the lab of the demo: no DHCP, no DNS. Sockets are opened inside a namespace by a thread that
has entered it, and then used from anywhere.
"""

import asyncio
import ctypes
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

from firewall.settings import GateSettings, GuestNetwork

_CLONE_NEWNET = 0x4000_0000
_SO_RCVBUFFORCE = 33
_numbers = count(1)
T = TypeVar("T")


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def enter(namespace: str) -> None:
    """Move the calling thread, and only it, into a namespace."""
    with Path("/run/netns", namespace).open("rb") as handle:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def inside(namespace: str, do: Callable[[], T]) -> T:
    """Call something in a namespace; what it opens stays there."""
    with ThreadPoolExecutor(1, initializer=enter, initargs=(namespace,)) as pool:
        return pool.submit(do).result()


def _prepare(opened: socket.socket) -> None:
    """Room for whatever comes while this process waits for a busy processor."""
    opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 * 1024 * 1024)
    opened.settimeout(3)


@dataclass
class Machine:
    """A device or a server: a namespace with one interface."""

    namespace: str
    mac: str
    ipv4: str
    ipv6: str

    def run(self, *command: str) -> str:
        return run("ip", "netns", "exec", self.namespace, *command)

    def open(self, kind: socket.SocketKind, family: int = socket.AF_INET) -> socket.socket:
        opened = inside(self.namespace, lambda: socket.socket(family, kind))
        _prepare(opened)
        return opened

    def raw(self, family: int, protocol: int) -> socket.socket:
        return inside(self.namespace, lambda: socket.socket(family, socket.SOCK_RAW, protocol))

    def address(self, family: int) -> str:
        return self.ipv4 if family == socket.AF_INET else self.ipv6


@dataclass
class Network:
    name: str
    gateway: str
    world: Machine
    devices: list[Machine] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)

    def settings(self, directory: Path, **changes: object) -> GateSettings:
        values: dict[str, object] = {
            "guest_networks": (GuestNetwork("guest0", "main"),),
            "uplinks": ("wan0",),
            "socket_path": directory / "gate.sock",
            "masquerade_ipv6": False,
            **changes,
        }
        return GateSettings(**values)  # type: ignore[arg-type]

    def in_gateway(self, *command: str) -> str:
        return run("ip", "netns", "exec", self.gateway, *command)

    def open_in_gateway(
        self, kind: socket.SocketKind, family: int = socket.AF_INET
    ) -> socket.socket:
        opened = inside(self.gateway, lambda: socket.socket(family, kind))
        _prepare(opened)
        return opened

    def route_everything_to_the_world(self) -> None:
        run("ip", "-n", self.gateway, "route", "add", "default", "via", self.world.ipv4)
        run("ip", "-n", self.gateway, "-6", "route", "add", "default", "via", self.world.ipv6)

    def add_device(self) -> Machine:
        number = len(self.devices) + 1
        device = Machine(
            f"{self.name}-d{number}",
            f"02:00:00:00:77:{number:02x}",
            f"10.77.0.{100 + number}",
            f"2001:db8:77::{100 + number:x}",
        )
        _add_namespace(self, device.namespace)
        port = f"port{number}"
        run("ip", "-n", self.gateway, "link", "add", port, "type", "veth", "peer", "name", "eth0",
            "address", device.mac, "netns", device.namespace)  # fmt: skip
        run("ip", "-n", self.gateway, "link", "set", port, "master", "guest0", "up")
        run("ip", "netns", "exec", self.gateway, "bridge", "link", "set", "dev", port,
            "isolated", "on")  # fmt: skip
        _address(device.namespace, "eth0", f"{device.ipv4}/24", f"{device.ipv6}/64")
        run("ip", "-n", device.namespace, "route", "add", "default", "via", "10.77.0.1")
        run("ip", "-n", device.namespace, "-6", "route", "add", "default", "via", "2001:db8:77::1")
        _wait_until_up(device.namespace, "eth0")
        self.devices.append(device)
        return device

    def make_guest_interface(self) -> None:
        run("ip", "-n", self.gateway, "link", "add", "guest0", "address", "02:00:00:00:77:fe",
            "type", "bridge")  # fmt: skip
        _address(self.gateway, "guest0", "10.77.0.1/24", "2001:db8:77::1/64")

    def reattach(self) -> None:
        for number in range(1, len(self.devices) + 1):
            run("ip", "-n", self.gateway, "link", "set", f"port{number}", "master", "guest0")
            run("ip", "netns", "exec", self.gateway, "bridge", "link", "set", "dev",
                f"port{number}", "isolated", "on")  # fmt: skip


def _add_namespace(network: Network, name: str) -> None:
    run("ip", "netns", "add", name)
    network.namespaces.append(name)
    # an address is usable at once, and every neighbour is found without a router's word
    for setting in ("all.accept_dad", "default.accept_dad", "default.accept_ra"):
        inside(name, lambda s=setting: _set(f"ipv6.conf.{s}", "0"))  # type: ignore[misc]
    run("ip", "-n", name, "link", "set", "lo", "up")


def _set(name: str, value: str) -> None:
    Path("/proc/sys/net", *name.split(".")).write_text(value)


def _address(namespace: str, interface: str, ipv4: str, ipv6: str) -> None:
    run("ip", "-n", namespace, "address", "add", ipv4, "dev", interface)
    run("ip", "-n", namespace, "address", "add", ipv6, "dev", interface, "nodad")
    run("ip", "-n", namespace, "link", "set", interface, "up")


def _introduce(network: Network, world: Machine) -> None:
    """Let gateway and world know each other, so that no test meets the search for a neighbour."""
    own = run("ip", "netns", "exec", network.gateway, "cat", "/sys/class/net/wan0/address").strip()
    for here, device, addresses, mac in (
        (network.gateway, "wan0", (world.ipv4, world.ipv6), world.mac),
        (world.namespace, "eth0", ("203.0.113.1", "2001:db8:1::1"), own),
    ):
        for address in addresses:
            run("ip", "-n", here, "neigh", "replace", address, "lladdr", mac, "dev", device,
                "nud", "permanent")  # fmt: skip
        _wait_until_up(here, device)


def _wait_until_up(namespace: str, interface: str) -> None:
    end = time.monotonic() + 10
    while "state UP" not in run("ip", "-n", namespace, "link", "show", interface):
        assert time.monotonic() < end, f"{interface} never came up"
        time.sleep(0.01)


@contextmanager
def network(devices: int = 1) -> Iterator[Network]:
    name = f"kv-gate-{os.getpid()}-{next(_numbers)}"
    world = Machine(f"{name}-world", "02:00:00:00:77:f0", "203.0.113.2", "2001:db8:1::2")
    made = Network(name, f"{name}-gw", world)
    try:
        for namespace in (made.gateway, world.namespace):
            _add_namespace(made, namespace)
        run("ip", "-n", made.gateway, "link", "add", "wan0", "type", "veth", "peer", "name",
            "eth0", "address", world.mac, "netns", world.namespace)  # fmt: skip
        _address(made.gateway, "wan0", "203.0.113.1/24", "2001:db8:1::1/64")
        _address(world.namespace, "eth0", "203.0.113.2/24", "2001:db8:1::2/64")
        run("ip", "-n", world.namespace, "-6", "route", "add", "2001:db8:77::/64", "via",
            "2001:db8:1::1")  # fmt: skip
        _introduce(made, world)
        made.make_guest_interface()
        for setting in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            inside(made.gateway, lambda s=setting: _set(s, "1"))  # type: ignore[misc]
        for _ in range(devices):
            made.add_device()
        yield made
    finally:
        for namespace in made.namespaces:
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


@contextmanager
def in_thread(
    namespace: str | None, coroutine: Callable[[asyncio.Event], "asyncio.Future[None]"]
) -> Iterator[None]:
    """Run an agent on a loop of its own, inside a namespace, until the context ends."""
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()
    failures: list[BaseException] = []

    async def main() -> None:
        stop = asyncio.Event()
        started.append((asyncio.get_running_loop(), stop))
        ready.set()
        await coroutine(stop)

    def body() -> None:
        try:
            if namespace is not None:
                enter(namespace)
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=body)
    thread.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        if started:
            loop, stop = started[0]
            if not loop.is_closed():
                loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        if failures:
            raise failures[0]
