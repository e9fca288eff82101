"""Which ports of the public address are a device's own, where a site wants complaints answered.

Not the rules (chains.py) and not who has which number (roster.py). Pure.
Deterministic (RFC 7422, section 2): the block follows from the device's number alone, so nothing
has to be noted about any connection. The rule to keep: no two numbers share a port, and none of
them is in the shared range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FIRST_PORT = 1024
"""Below stand the well-known ports (RFC 6335, section 6); a server may treat them otherwise."""
SHARED_PORTS = range(57_344, 65_536)
"""For what has no block: guests of other sites, devices beyond the last block, the walled garden,
and this machine itself (net.ipv4.ip_local_port_range)."""


@dataclass(frozen=True, slots=True)
class PortBlocks:
    """The blocks of `size` ports. Devices numbered 1 to `count` have one; others share."""

    size: int

    def __post_init__(self) -> None:
        if not 64 <= self.size <= 4096:
            raise ValueError("a block must have 64-4096 ports")

    @property
    def count(self) -> int:
        """How many blocks there are: 220 of 256 ports."""
        return (SHARED_PORTS.start - FIRST_PORT) // self.size

    def of(self, number: int) -> range | None:
        """Return the ports of the device with this number; None: it has none of its own."""
        if not 1 <= number <= self.count:
            return None
        first = FIRST_PORT + (number - 1) * self.size
        return range(first, first + self.size)

    def all(self) -> Sequence[tuple[int, range]]:
        """Return each number with its ports."""
        first = (FIRST_PORT + place * self.size for place in range(self.count))
        return [(place + 1, range(low, low + self.size)) for place, low in enumerate(first)]
