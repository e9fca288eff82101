"""Who is in: device numbers, deadlines, profiles, and the last counters of those who left.

Not the kernel (gate.py). Pure: time comes in as seconds on the monotonic clock.
The rule to keep: two devices never share a number at the same time.
"""

from collections import OrderedDict, deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from math import inf

from firewall.marks import NUMBER_MAX, device_mark
from firewall.port_blocks import PortBlocks
from firewall.verbs import Counters, OwnPorts

ENDED_MAX = 20_000
"""Final counters kept for a caller who comes late; the oldest are forgotten first."""
GRACE_S = 2.0
"""The kernel's own end comes this long after the session's, when nobody else has ended it."""
OWN_EXPEL_AFTER_S = 1.0
"""The agent's end lies between the keeper's and the kernel's."""
SPARE_S = 5.0
"""A whole list may have been read before a login that came here first: who is new outlives it.

Longer than a list travels, far shorter than the time between two lists: if the device is really
to be out, the next one says so. A revocation asks for one device, and spares nobody.
"""
SAME_DEADLINE_S = 0.25
"""Deadlines closer than this are the same wish, told twice."""


@dataclass(slots=True)
class Heard:
    """When and where a device last gave a sign of life, and the addresses it then had."""

    at: float | None = None
    interface: str = ""
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None

    def learn(self, interface: str, address: IPv4Address | IPv6Address | None) -> None:
        """Note where the device is; of each kind of address, the last one counts."""
        self.interface = interface
        if isinstance(address, IPv4Address):
            self.ipv4 = address
        elif address is not None:
            self.ipv6 = address


@dataclass(slots=True)
class Admission:
    """A device that is in. `deadline` is on the monotonic clock.

    `counted` is what the kernel last told, `uncounted` what an exchange of elements slipped by.
    `asked_at` is when somebody last asked for this device alone. `since` is when it got its number,
    None where the kernel knew it already.
    """

    number: int
    profile: int
    deadline: float
    counted: Counters = field(default_factory=Counters)
    uncounted: Counters = field(default_factory=Counters)
    asked_at: float = -inf
    heard: Heard = field(default_factory=Heard)
    since: float | None = None

    @property
    def mark(self) -> int:
        """The packet mark of this device."""
        return device_mark(self.number, self.profile)

    def heard_s_ago(self, now: float) -> float | None:
        """Return the seconds since the last sign of life, None when there was none."""
        return None if self.heard.at is None else max(0.0, now - self.heard.at)

    def had_s_ago(self, now: float) -> float | None:
        """Return the seconds since it got its number, None when that is not known."""
        return None if self.since is None else round(max(0.0, now - self.since), 3)

    def timeout_ms(self, now: float) -> int:
        """Return the element's time-out; at least a moment, so that it never means for ever."""
        return max(1, int((self.deadline + GRACE_S - now) * 1000))

    def is_as(self, profile: int, deadline: float, tolerance_s: float = SAME_DEADLINE_S) -> bool:
        """Return whether the device already is as wished."""
        return self.profile == profile and abs(self.deadline - deadline) < tolerance_s


class Roster:
    """The devices that are in, by MAC. Numbers up to `own_ports` are given out first."""

    def __init__(self, devices_max: int, own_ports: int = 0) -> None:
        self._own_ports = own_ports
        self._resting = deque(range(1, own_ports + 1))
        self._devices_max = devices_max
        self._devices: dict[str, Admission] = {}
        self._taken: set[int] = set()
        self._last_number = own_ports
        self._ended: OrderedDict[str, Counters] = OrderedDict()

    def __len__(self) -> int:
        return len(self._devices)

    def __contains__(self, mac: str) -> bool:
        return mac in self._devices

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._devices))

    def items(self) -> list[tuple[str, Admission]]:
        """Return all devices, as they are now."""
        return list(self._devices.items())

    def get(self, mac: str) -> Admission | None:
        """Return a device, None when it is not in."""
        return self._devices.get(mac)

    @property
    def room(self) -> int:
        """How many more devices may come in."""
        return self._devices_max - len(self._devices)

    def enter(self, mac: str, profile: int, deadline: float, now: float | None = None) -> Admission:
        """Note a new device under a free number; the caller has looked for room."""
        admission = Admission(self._free_number(), profile, deadline, since=now)
        self.adopt(mac, admission)
        return admission

    def adopt(self, mac: str, admission: Admission) -> bool:
        """Note a device that the kernel already knows; False when its number is in use."""
        if mac in self._devices or admission.number in self._taken:
            return False
        self._devices[mac] = admission
        self._taken.add(admission.number)
        if admission.number <= self._own_ports:
            self._resting.remove(admission.number)
        self._ended.pop(mac, None)
        return True

    def leave(self, mac: str) -> Admission | None:
        """Forget a device; return it."""
        admission = self._devices.pop(mac, None)
        if admission is not None:
            self._taken.discard(admission.number)
            if admission.number <= self._own_ports:
                self._resting.append(admission.number)
        return admission

    def note_end(self, mac: str, counters: Counters) -> None:
        """Keep the final counters of a device that left without anybody asking."""
        self._ended[mac] = counters
        while len(self._ended) > ENDED_MAX:
            self._ended.popitem(last=False)

    def take_end(self, mac: str) -> Counters | None:
        """Return those counters, once."""
        return self._ended.pop(mac, None)

    def surplus(self, wanted: Container[str], now: float) -> list[str]:
        """Return devices that a whole list leaves out, without those it may not know yet."""
        lately = now - SPARE_S
        return [m for m, a in self._devices.items() if m not in wanted and a.asked_at <= lately]

    def due(self, now: float) -> list[str]:
        """Return devices whose time is up and whom nobody has put out."""
        return [m for m, a in self._devices.items() if a.deadline + OWN_EXPEL_AFTER_S <= now]

    def own_ports(self, blocks: PortBlocks | None, now: float) -> dict[str, OwnPorts]:
        """Return the ports that are a device's own, by MAC."""
        if blocks is None:
            return {}
        given = ((mac, one, blocks.of(one.number)) for mac, one in self._devices.items())
        return {
            mac: OwnPorts(ports.start, ports.stop - 1, one.had_s_ago(now))
            for mac, one, ports in given
            if ports is not None
        }

    def _free_number(self) -> int:
        """Go round, so that a number rests long before it is used again."""
        if self._resting:
            return self._resting[0]  # the one that rests longest
        number = self._last_number
        while True:
            number = number % NUMBER_MAX + 1
            if number not in self._taken:
                self._last_number = number
                return number
