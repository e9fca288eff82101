"""The doors to what the network gave devices: the gate tells it, the log keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol
from uuid import UUID

from portal.domain.complaint import Complaint
from portal.domain.identity import MacAddress
from portal.domain.session_log import Cursor


@dataclass(frozen=True, slots=True)
class GivenPorts:
    """Ports ``low`` to ``high`` are a device's own. ``since_s_ago`` None: that is not known."""

    mac: MacAddress
    low: int
    high: int
    since_s_ago: float | None


@dataclass(frozen=True, slots=True)
class Given:
    """What admitted devices have: ports, and IPv6 addresses they used of late."""

    ports: Sequence[GivenPorts] = ()
    addresses: Sequence[tuple[MacAddress, IPv6Address]] = ()


@dataclass(frozen=True, slots=True)
class Had:
    """A session that had the port or the address; ``is_certain``: the public address is known.

    ``is_throughout``: it had it from the beginning of the complaint's time to its end.
    """

    session_id: UUID
    started_at: datetime
    is_certain: bool
    is_throughout: bool


class AddressGiver(Protocol):
    """The gate, as this asks it. Raises GateUnavailableError."""

    async def addresses(self) -> Given:
        """Return what admitted devices have now; nothing where no site wants it."""
        ...


class AddressLog(Protocol):
    """Every method raises DatabaseUnavailableError."""

    async def note(
        self, given: Given, public: Sequence[IPv4Address | IPv6Address], now: datetime
    ) -> None:
        """Note what running sessions have, at sites whose level allows it; safe to repeat."""
        ...

    async def had(self, complaint: Complaint, most: int) -> Sequence[Had]:
        """Return at most so many sessions that had the complaint's port or IPv6 address then."""
        ...

    async def holders(
        self, address: IPv4Address | IPv6Address, since: datetime, until: datetime, most: int
    ) -> Sequence[Cursor]:
        """Return at most so many sessions that had the address then, by their place in the log."""
        ...

    async def is_whole(self, since: datetime) -> bool:
        """Say whether no visit from then on can be missing from the log.

        One may be where a site of any node wrote none down, or where a person had theirs erased.
        """
        ...
