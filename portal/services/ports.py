"""The doors: what the services need of the world, as Protocols.

Each door has one exception, raised when the neighbour behind it is broken, and states which way
it fails. Everything expected is a value. Fakes of these doors live in tests/ and pass the same
contract tests as the real ones.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from portal.domain.identity import Device, MacAddress, Secret
from portal.domain.verification import Verification


class DatabaseUnavailableError(Exception):
    """The database cannot be asked now. Fails closed: nobody new is let in, nobody is put out."""


class GateUnavailableError(Exception):
    """The gate's agent cannot be asked now. Fails closed; those who are online stay online."""


class LibrarySystem(Protocol):
    """A library system that can check a card and a PIN. Fails as the site says (refuse)."""

    async def verify(self, card: Secret, pin: Secret) -> Verification:
        """Ask once, within the configured deadlines. Never raises for a broken neighbour."""
        ...


class Gate(Protocol):
    """The node's own gate. All verbs are idempotent."""

    async def admit(self, mac: MacAddress, remaining_s: float) -> None:
        """Let the device through for so long on the monotonic clock.

        Raises:
            GateUnavailableError: the agent did not confirm.
        """
        ...

    async def expel(self, mac: MacAddress) -> None:
        """Put the device out and end its connections.

        Raises:
            GateUnavailableError: the agent did not confirm.
        """
        ...

    async def identify(self, ip: str) -> Device | None:
        """Return the device behind an address on a guest network, None for any other address.

        Raises:
            GateUnavailableError: the agent did not answer.
        """
        ...

    async def reconcile(self, devices: Sequence[tuple[MacAddress, float]]) -> int:
        """Make exactly these devices admitted, each for so many seconds; return the changes made.

        Raises:
            GateUnavailableError: the agent did not confirm.
        """
        ...


class Clock(Protocol):
    """The wall clock in UTC, for the doors' outer edge only."""

    def __call__(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...
