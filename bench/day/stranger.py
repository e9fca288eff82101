"""A device that never logs in, and sends to everywhere all day.

The rule to keep: its targets are addresses that nothing else in the lab ever speaks to; the
minute of the day is part of them, so that a packet that arrives says when it passed.
"""

from collections import Counter
from contextlib import suppress

from bench.day.count import Seen
from bench.day.product import Stage
from firewall.lab.internet import Internet
from firewall.lab.phone import Phone
from firewall.lab.processes import LabError

EVERY_S = 0.5
LEASE_EVERY_S = 50.0
V4, V6 = "45.99", "2001:db8:99:"
PORTS = (("tcp", 443), ("tcp", 22), ("udp", 443), ("udp", 51820), ("icmp", 0))


class Stranger:
    """Lives through the day in a thread of its own."""

    def __init__(self, stage: Stage, phone: Phone) -> None:
        self._stage = stage
        self._phone = phone

    def live(self, until_minute: float) -> Seen:
        """Send until the library closes."""
        seen, clock = Seen(), self._stage.clock
        self._phone.link_up()
        leased_at = self._join()
        while clock.minute < until_minute:
            if clock.seconds - leased_at > LEASE_EVERY_S:
                leased_at = self._join()
            with suppress(LabError):
                seen.stranger_sent += self._phone.fire(self._targets(int(clock.minute)))
            clock.pause(EVERY_S)
        return seen

    def _join(self) -> float:
        with suppress(LabError):  # dnsmasq is just being killed: once more in a moment
            self._phone.join(ipv6=self._stage.product.ipv6)
            return self._stage.clock.seconds
        return self._stage.clock.seconds - LEASE_EVERY_S + EVERY_S

    def _targets(self, minute: int) -> list[tuple[str, str, int]]:
        addresses = [f"{V4}.{minute >> 8}.{minute & 255}"]
        if self._stage.product.ipv6:
            addresses.append(f"{V6}:{minute + 1:x}")
        return [(kind, address, port) for address in addresses for kind, port in PORTS]


def arrived(internet: Internet) -> Counter[int]:
    """Return how many of the strangers' packets arrived, by the minute when they were sent."""
    packets: Counter[int] = Counter()
    for arrival in internet.arrivals():
        minute = _minute_of(arrival.destination)
        if minute is not None:
            packets[minute] += arrival.packets
    return packets


def _minute_of(address: str) -> int | None:
    if address.startswith(f"{V4}."):
        high, low = address.split(".")[2:]
        return int(high) << 8 | int(low)
    if address.startswith(V6):
        return int(address.rsplit(":", 1)[1], 16) - 1
    return None
