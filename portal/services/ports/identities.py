"""The door to sealed card numbers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """What is kept of a guest: sealed twice, under a week's log key outside.

    ``guest`` is what that week's history calls the guest.
    """

    guest: bytes = field(repr=False)
    key_id: str
    sealed: bytes = field(repr=False)
    sealed_at: datetime


class Identities(Protocol):
    """Reads them; a log-in writes them together with its session. Fails closed."""

    async def of_guest(self, guest: bytes) -> SealedIdentity | None:
        """Return the guest's.

        Raises:
            DatabaseUnavailableError: nobody knows.
        """
        ...
