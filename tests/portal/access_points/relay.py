"""A network that loses, doubles, delays and mixes datagrams, as its seed says."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Address = tuple[str, int]


def _socket() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    opened.bind(("127.0.0.1", 0))
    return opened


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of all datagrams, each way."""

    loss: float = 0.1
    doubled: float = 0.2
    delayed: float = 0.25
    longest_delay_s: float = 0.05


@dataclass
class Relay:
    """Between one asker and a server; what it did to datagrams is counted."""

    server: Address
    chance: random.Random
    weather: Weather = Weather()
    lost: int = 0
    passed: int = 0
    _near: socket.socket = field(default_factory=_socket)
    _far: socket.socket = field(default_factory=_socket)
    _asker: Address | None = None

    @property
    def port(self) -> int:
        return int(self._near.getsockname()[1])

    async def carry(self) -> None:
        """Carry datagrams both ways, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._carry(self._near, self._far, to_server=True))
            group.create_task(self._carry(self._far, self._near, to_server=False))

    async def _carry(self, source: socket.socket, out: socket.socket, *, to_server: bool) -> None:
        loop = asyncio.get_running_loop()
        while True:
            octets, sender = await loop.sock_recvfrom(source, 4096)
            if to_server:
                self._asker = sender
            for _ in range(self._copies()):
                loop.call_later(self._delay_s(), self._pass, out, octets, to_server)

    def _copies(self) -> int:
        if self.chance.random() < self.weather.loss:
            self.lost += 1
            return 0
        return 2 if self.chance.random() < self.weather.doubled else 1

    def _delay_s(self) -> float:
        if self.chance.random() >= self.weather.delayed:
            return 0.0
        return self.chance.random() * self.weather.longest_delay_s

    def _pass(self, out: socket.socket, octets: bytes, to_server: bool) -> None:
        target = self.server if to_server else self._asker
        if target is not None and out.fileno() >= 0:
            self.passed += 1
            out.sendto(octets, target)

    def close(self) -> None:
        self._near.close()
        self._far.close()


@asynccontextmanager
async def relay(port: int, seed: int, weather: Weather | None = None) -> AsyncIterator[Relay]:
    between = Relay(("127.0.0.1", port), random.Random(seed), weather or Weather())
    async with asyncio.TaskGroup() as group:
        carrying = group.create_task(between.carry())
        try:
            yield between
        finally:
            carrying.cancel()
    between.close()
