"""The door to all that may be online: read whole at the start, and what changed since then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.identity import MacAddress, Subject
from portal.domain.returning import RememberedDevice
from portal.domain.session import Session


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device was heard of last over RADIUS, and by what it can be named there.

    ``let_in``: what the access point was last told. The rest is as the access point wrote it.
    """

    mac: MacAddress
    access_point: str
    heard_at: datetime
    let_in: bool
    ip: str | None = None
    user_name: bytes = field(default=b"", repr=False)
    accounting_session_id: bytes | None = None
    audit_session_id: bytes | None = None
    source_ip: str = ""
    nas_ip: str | None = None
    nas_identifier: bytes | None = None
    nas_port: int | None = None
    called: bytes = b""
    ssid: bytes = b""


class LiveStore(Protocol):
    """Every method raises DatabaseUnavailableError."""

    async def sessions(self, now: datetime) -> Sequence[Session]:
        """Return the organisation's live sessions that are not due."""
        ...

    async def by_id(self, ids: Sequence[UUID]) -> Sequence[Session]:
        """Return those of these sessions that are live."""
        ...

    async def remembered(self, now: datetime) -> Mapping[Subject, RememberedDevice]:
        """Return the devices that may come back by themselves, by the names they stand under."""
        ...

    async def keep_places(self, places: Sequence[Place]) -> None:
        """Note where devices are; of two notes of one device the later heard one stands."""
        ...

    async def places(self, macs: Sequence[MacAddress]) -> Sequence[Place]:
        """Return where these devices were heard of last."""
        ...

    async def misplaced(
        self, access_points: Sequence[str], since: datetime, now: datetime
    ) -> Sequence[Place]:
        """Return devices at these access points that are in without a session, or the reverse.

        Of those heard of since then.
        """
        ...
