"""What a back end reports beside the verdict: why, and whether the neighbour is to blame.

Not for the services: they see only ``Verification``. The circuit breaker and the set-up probe
need to know more.
The rule to keep: ``reason`` is one of a fixed set of words, never anything sent or received.
"""

from dataclasses import dataclass
from typing import Protocol

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.services.ports import LibrarySystem


@dataclass(frozen=True, slots=True)
class Checked:
    """One check. ``neighbour_failed`` is False for our own overload: it must open no breaker."""

    outcome: Verification
    reason: str = ""
    neighbour_failed: bool = False


class CheckingLibrary(LibrarySystem, Protocol):
    """A back end that tells why, and can be asked whether it is there."""

    async def check(self, card: Secret, pin: Secret) -> Checked:
        """Ask once, like ``verify``."""
        ...

    async def ping(self) -> Checked:
        """Ask without a patron whether the library system takes questions: ``OK`` if it does."""
        ...
