"""The door to what gateways are to be told when they ask: whom to let in, whom to put out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.gateway_admission import Admission
from portal.domain.session import Session


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway of a RADIUS client. ``name_hash`` is the SHA-256 of its name, 32 octets."""

    client: str
    name_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A device to let in, by its hash of 32 octets, while the session runs."""

    rhid: bytes = field(repr=False)
    session: Session


class GatewayAdmissions(Protocol):
    """Every method raises DatabaseUnavailableError. Fails closed: who is not listed stays out."""

    async def find(self, client: str, rhid: bytes) -> Admission | None:
        """Return what is kept of an admission."""
        ...

    async def ask(self, gateway: Gateway, rhid: bytes, session_id: UUID, now: datetime) -> None:
        """Put a device into its gateway's list, as if it had never been there."""
        ...

    async def to_let_in(
        self, gateway: Gateway, since: datetime, now: datetime, most: int
    ) -> Sequence[Listed]:
        """Return whom the gateway has not acknowledged, asked for since then, and note it.

        Who was told of least lately comes first. Only sessions that still run.
        """
        ...

    async def let_in(self, gateway: Gateway, rhids: Collection[bytes], now: datetime) -> None:
        """Note that the gateway let these in; others than it was told of are passed over."""
        ...

    async def to_put_out(self, gateway: Gateway, now: datetime, most: int) -> Sequence[bytes]:
        """Return who was listed until later than now, and whose session is over."""
        ...

    async def put_out(self, gateway: Gateway, rhids: Collection[bytes], now: datetime) -> None:
        """Note that the gateway put these out."""
        ...
