"""Traffic between the machines of a test network, from plain sockets and threads."""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Self

from tests.firewall.network import Machine, Network, inside

FAMILIES = [socket.AF_INET, socket.AF_INET6]
ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # noqa: S104 - inside a namespace


@contextmanager
def udp_echo(opened: socket.socket, port: int) -> Iterator[list[tuple[bytes, str]]]:
    """Answer every datagram with itself; tell what came and from where."""
    opened.bind((ANY[socket.AddressFamily(opened.family)], port))
    got: list[tuple[bytes, str]] = []
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if select.select([opened], [], [], 0.05)[0]:
                data, address = opened.recvfrom(2000)
                got.append((data, address[0]))
                opened.sendto(data, address)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield got
    finally:
        stop.set()
        thread.join()
        opened.close()


@contextmanager
def tcp_listener(opened: socket.socket, port: int) -> Iterator[socket.socket]:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((ANY[socket.AddressFamily(opened.family)], port))
    opened.listen(128)
    with opened:
        yield opened


def tcp_reaches(device: Machine, address: str, port: int) -> bool:
    """Connect; False for a refusal. Silence is an error: strangers must be told no."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with device.open(socket.SOCK_STREAM, family) as client:
        try:
            client.connect((address, port))
        except (ConnectionRefusedError, ConnectionResetError):
            return False
        return True


def udp_answer(device: Machine, address: str, port: int, data: bytes = b"?") -> bytes | None:
    """Ask once; None for a refusal by ICMP."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with device.open(socket.SOCK_DGRAM, family) as client:
        client.connect((address, port))
        client.send(data)
        try:
            return client.recv(2000)
        except ConnectionRefusedError:
            return None


class Stream:
    """Numbered datagrams to an echo and back, every 2 ms; tells what was lost and the gaps."""

    def __init__(self, device: Machine, address: str, port: int, every_s: float = 0.002) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = device.open(socket.SOCK_DGRAM, family)
        self._socket.settimeout(0)
        self._target = (address, port)
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent = 0
        self.arrived: dict[int, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    @property
    def lost(self) -> int:
        """Lost since the first arrived; until then, neighbours look for each other."""
        return self.sent - min(self.arrived, default=0) - len(self.arrived)

    @property
    def longest_gap_s(self) -> float:
        times = sorted(self.arrived.values())
        return max((b - a for a, b in pairwise(times)), default=0.0)

    def _run(self) -> None:
        following = time.monotonic()
        while not self._stop.is_set():
            with contextlib.suppress(OSError):  # a refusal is a loss, and nothing else
                self._socket.sendto(struct.pack("!I", self.sent), self._target)
            self.sent += 1
            following += self._every_s
            self._receive(following)
        self._receive(time.monotonic() + 0.3)

    def _receive(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._socket], [], [], left)[0]:
                return
            with contextlib.suppress(OSError):
                (number,) = struct.unpack("!I", self._socket.recv(100))
                self.arrived[number] = time.monotonic()


class Transfer:
    """Sends every 2 ms what the other end reads; the list grows by the time of each arrival."""

    def __init__(self, sender: socket.socket, receiver: socket.socket) -> None:
        self._sender, self._receiver = sender, receiver
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._send, self._receive)]
        self.arrivals: list[float] = []
        for end in (sender, receiver):
            end.settimeout(0.1)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while not self._stop.wait(0.002):
            with contextlib.suppress(OSError):  # a full buffer, or the end
                self._sender.send(bytes(1400))

    def _receive(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                if self._receiver.recv(65536):
                    self.arrivals.append(time.monotonic())
                else:
                    self._stop.wait(0.01)


@contextmanager
def connection(net: Network, device: Machine, family: int) -> Iterator[tuple[socket.socket, ...]]:
    with (
        tcp_listener(net.world.open(socket.SOCK_STREAM, family), 8080) as server,
        device.open(socket.SOCK_STREAM, family) as client,
    ):
        client.connect((net.world.address(family), 8080))
        with server.accept()[0] as served:
            yield client, served


@contextmanager
def packets_in_world(network: Network) -> Iterator[list[bytes]]:
    """Collect the IP packets that reach the world, without neighbour discovery."""
    opened = inside(
        network.world.namespace,
        lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)),
    )
    opened.bind(("eth0", 3))
    seen: list[bytes] = []
    stop = threading.Event()

    def collect() -> None:
        while select.select([opened], [], [], 0.05)[0] or not stop.is_set():
            if select.select([opened], [], [], 0)[0]:
                data, (_, protocol, kind, *_rest) = opened.recvfrom(2000)
                if kind != socket.PACKET_OUTGOING and _is_traffic(protocol, data):
                    seen.append(data)

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        opened.close()


def _is_traffic(protocol: int, data: bytes) -> bool:
    if protocol == 0x0800:
        return data[9] != 2  # IGMP of the gateway itself
    # hop-by-hop options carry MLD, ICMPv6 above 129 is neighbour discovery
    return protocol == 0x86DD and not (data[6] == 0 or (data[6] == 58 and data[40] > 129))
