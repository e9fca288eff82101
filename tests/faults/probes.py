"""A stranger's thousand packets to anywhere: what leaves the phone, and whether any arrives.

The rule to keep: every target is in ranges that nothing else in the lab ever speaks to, so that
one packet at the internet's side that is addressed to one is a leak, whatever its source.
"""

import itertools
import random
import struct
from dataclasses import dataclass, field

from firewall.lab.phone import Phone
from portal.demo.world import World
from tests.lab.guest import Guest

KINDS = ("tcp", "udp", "icmp")
PREFIXES_6 = ("2001:db8:a", "2a00:1450", "fd00:77", "2002:cb00:7102", "2001:0:77")
"""Documentation, global, unique local, 6to4, Teredo."""
_numbers = itertools.count(1)
SCTP, SIX_IN_FOUR, GRE, ESP = 132, 41, 47, 50


@dataclass
class Probes:
    """Sends packets from a stranger's phone and counts what of them arrives."""

    world: World
    guest: Guest
    number: int = field(default_factory=lambda: next(_numbers))
    """In every target: no two sets of probes have one in common."""
    sent: int = 0
    _targets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.number)
        self._gateway_mac = _neighbour_mac(self.guest.phone)

    def send(self, number: int) -> None:
        """Send so many packets to random targets, a tenth of them odd frames."""
        plain = [self._plain_target() for _ in range(number - number // 10)]
        self.sent += self.guest.phone.fire(plain)
        for _ in range(number // 10):
            self.guest.phone.send_frame(self._odd_frame())
            self.sent += 1

    def arrived(self) -> list[str]:
        """Return what reached the internet or the management network of all that was sent."""
        lab = self.world.lab
        phone = self.guest.phone
        own = {phone.lease.address if phone.lease else "", *phone.ipv6_addresses()}
        beyond = [lab.internet, *([lab.management] if lab.management else [])]
        return [
            str(arrival)
            for side in beyond
            for arrival in side.arrivals()
            if arrival.destination in self._targets or arrival.source in own
        ]

    def _plain_target(self) -> tuple[str, str, int]:
        address = self._address4() if self.dice.random() < 0.5 else self._address6()
        known = (22, 80, 123, 443, 500, 853, 1194, 3478, 4500, 5223, 51820)
        port = self.dice.choice((*known, self.dice.randrange(1, 65536)))
        return self.dice.choice(KINDS), address, port

    def _address4(self) -> str:
        first = self.dice.choice([1, 9, 45, 93, 151, 172, 185, 192, 212])
        address = f"{first}.{self.dice.randrange(16, 32)}.{self.dice.randrange(256)}.{self.number}"
        self._targets.add(address)
        return address

    def _address6(self) -> str:
        address = (
            f"{self.dice.choice(PREFIXES_6)}::{self.number:x}:{self.dice.randrange(1, 65536):x}"
        )
        self._targets.add(address)
        return address

    def _odd_frame(self) -> bytes:
        """SCTP, 6in4, GRE, ESP, a fragment, a SYN-ACK out of nowhere, or no IP at all."""
        phone = self.guest.phone
        link = _bytes(self._gateway_mac) + _bytes(phone.mac)
        source = phone.lease.address if phone.lease else "0.0.0.0"  # noqa: S104 - no binding
        kind = self.dice.randrange(7)
        if kind == 6:
            return link + struct.pack("!H", 0x88B5) + b"experimental".ljust(46, b"\0")
        protocol = (SCTP, SIX_IN_FOUR, GRE, ESP, 17, 6)[kind]
        payload = self.dice.randbytes(8) + bytes(12)
        if protocol == 6:
            payload = struct.pack("!HHIIBBHHH", 80, 443, 1, 1, 5 << 4, 0x12, 1024, 0, 0)
        offset = 0x2000 | 185 if protocol == 17 else 0
        packet = _ipv4(source, self._address4(), protocol, payload, offset)
        return link + struct.pack("!H", 0x0800) + packet


def segment_without_beginning(phone: Phone, destination: str) -> bytes:
    """Return a frame with a TCP acknowledgement and data of a connection that nobody opened."""
    source = phone.lease.address if phone.lease else "0.0.0.0"  # noqa: S104 - no binding
    head = struct.pack("!HHIIBBHHH", 40022, 443, 1000, 1, 5 << 4, 0x18, 1024, 0, 0)
    head = head[:16] + struct.pack("!H", _tcp_checksum(source, destination, head)) + head[18:]
    link = _bytes(_neighbour_mac(phone)) + _bytes(phone.mac)
    return link + struct.pack("!H", 0x0800) + _ipv4(source, destination, 6, head, 0)


def _tcp_checksum(source: str, destination: str, segment: bytes) -> int:
    words = _quad(source) + _quad(destination) + struct.pack("!HH", 6, len(segment)) + segment
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def _ipv4(source: str, destination: str, protocol: int, payload: bytes, offset: int) -> bytes:
    words = [0x4500, 20 + len(payload), 7, offset, 64 << 8 | protocol, 0]
    head = struct.pack("!6H", *words) + _quad(source) + _quad(destination)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return head[:10] + struct.pack("!H", checksum) + head[12:] + payload


def _quad(address: str) -> bytes:
    return bytes(int(part) for part in address.split("."))


def _bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _neighbour_mac(phone: Phone) -> str:
    """Return the gateway's MAC as the phone knows it, after having asked for it."""
    router = phone.lease.router if phone.lease else ""
    phone.ping(router)
    words = phone.run(["ip", "neigh", "show", router]).stdout.split()
    return words[words.index("lladdr") + 1]
