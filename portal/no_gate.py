"""The gate of a machine that has none: its sites' access points let devices in and keep them out.

Not a simulated gate: nobody is let through here, so nobody is known here and nothing is counted.
Implements services.ports.Gate.
"""

from collections.abc import Mapping, Sequence

from portal.domain.identity import Device, MacAddress
from portal.domain.presence import Signals


class NoGate:
    """Agrees to everything, and knows nobody."""

    async def admit(self, mac: MacAddress, remaining_s: float) -> None:
        """Nothing to do: the bridge tells the access point."""

    async def expel(self, mac: MacAddress) -> None:
        """Nothing to do: the same."""

    async def identify(self, _ip: str) -> Device | None:
        """No address is on a wire of this machine."""
        return None

    async def reconcile(self, _devices: Sequence[tuple[MacAddress, float]]) -> int:
        """Nothing differs."""
        return 0

    async def usage(self) -> Mapping[MacAddress, Signals]:
        """Nobody passes here."""
        return {}

    async def probe(self, macs: Sequence[MacAddress]) -> None:
        """Nobody can be asked."""

    async def missing_interfaces(self) -> frozenset[str]:
        """There is none that could be missing."""
        return frozenset()
