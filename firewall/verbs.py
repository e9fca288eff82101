"""What can be asked of the gate, and what it answers: its verbs and their values.

Not how they are written (wire.py) and not the doing (gate.py, simulated.py). Pure. The rule to
keep: a value here has been checked; whoever carries a verb out checks only what it alone knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

ErrorCode = Literal["bad_request", "not_allowed", "busy", "kernel"]

REMAINING_MAX_S = 400 * 86_400.0
"""Longer than any session; keeps the kernel's milliseconds far from overflow."""
DEFAULT_PROFILE = "default"


class RefusedError(Exception):
    """The request is not carried out: `code` says whose fault it is, the text how."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code: ErrorCode = code


@dataclass(frozen=True, slots=True)
class Counters:
    """What a device has sent (up) and been sent (down) since it was let in, IPv4 and IPv6."""

    up_packets: int = 0
    up_bytes: int = 0
    down_packets: int = 0
    down_bytes: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(
            self.up_packets + other.up_packets,
            self.up_bytes + other.up_bytes,
            self.down_packets + other.down_packets,
            self.down_bytes + other.down_bytes,
        )

    def __sub__(self, other: "Counters") -> "Counters":
        return Counters(
            self.up_packets - other.up_packets,
            self.up_bytes - other.up_bytes,
            self.down_packets - other.down_packets,
            self.down_bytes - other.down_bytes,
        )


@dataclass(frozen=True, slots=True)
class DeviceUsage:
    """An admitted device: its counters, the seconds it has left, its profile.

    `heard_s_ago`: seconds since it last gave a sign of life on the wire (ARP, DHCP, neighbour
    discovery, an answer to the kernel); None: not since the agent started, or it came in.
    """

    counters: Counters
    remaining_s: float
    profile: str
    heard_s_ago: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """All admitted devices by MAC, read while the kernel's generation stood still."""

    generation: int
    devices: Mapping[str, DeviceUsage]


@dataclass(frozen=True, slots=True)
class OwnPorts:
    """The ports `low` to `high` of the public address are a device's own.

    `since_s_ago`: since so many seconds; None: since it was let in, which was before the agent
    started.
    """

    low: int
    high: int
    since_s_ago: float | None


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the network gave admitted devices, by MAC: ports, and IPv6 addresses used of late.

    Empty where no site wants it. Devices beyond the last block have no ports of their own.
    """

    ports: Mapping[str, OwnPorts] = field(default_factory=dict)
    ipv6: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Identified:
    """The device behind an address: its MAC, the guest interface and site it is on."""

    mac: str
    interface: str
    site: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reconcile did. `expelled` holds the final counters of those put out."""

    admitted: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    expelled: Mapping[str, Counters] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of devices that were not as they should be."""
        return len(self.admitted) + len(self.changed) + len(self.expelled)


@dataclass(frozen=True, slots=True)
class Admit:
    """Let a device in for so many seconds."""

    mac: str
    remaining_s: float
    profile: str = DEFAULT_PROFILE


@dataclass(frozen=True, slots=True)
class Expel:
    """Put a device out."""

    mac: str


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Exactly these may be in."""

    devices: tuple[Admit, ...]


@dataclass(frozen=True, slots=True)
class Identify:
    """Whose is this address? `interface` only for link-local addresses."""

    ip: str
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class ReadUsage:
    """Counters of everybody."""


@dataclass(frozen=True, slots=True)
class ReadAddresses:
    """Ports and addresses of everybody."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask these devices, if they are in, to give a sign of life."""

    macs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """Turn this connection into a stream of events."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you well?"""


Request = Admit | Expel | Reconcile | Identify | ReadUsage | ReadAddresses | Probe | Watch | Ping


class Gate(Protocol):
    """The verbs themselves, as the kernel's gate and the simulated one carry them out."""

    def admit(self, device: Admit) -> None:
        """Let the device in, or change its time or profile. Counters go on."""
        ...

    def expel(self, mac: str) -> Counters | None:
        """Put the device out, end its connections; None when it was not in."""
        ...

    def reconcile(self, devices: Sequence[Admit]) -> Changes:
        """Make exactly these devices admitted."""
        ...

    def identify(self, query: Identify) -> Identified | None:
        """Return the device behind an address, None when the kernel knows none."""
        ...

    def usage(self) -> Usage:
        """Return the counters of all admitted devices."""
        ...

    def addresses(self) -> Addresses:
        """Return which ports and IPv6 addresses admitted devices have."""
        ...

    def probe(self, macs: Sequence[str]) -> int:
        """Ask devices for a sign of life, in their turn; return how many there are to ask."""
        ...

    def health(self) -> dict[str, Any]:
        """Return version, generation and what is wrong, if anything."""
        ...
