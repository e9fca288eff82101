"""The door to all that may be online: read whole at the start, and what changed since then."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from portal.domain.identity import MacAddress, Subject
from portal.domain.returning import RememberedDevice
from portal.domain.session import Session

SAME_END = timedelta(seconds=30)
"""An end that moved by less is not worth a word to an access point."""


class Place(NamedTuple):
    """Where a device was heard of last over RADIUS, and by what it can be named there.

    A tuple, because one is made of every log-in: a frozen dataclass takes four times as long.

    ``let_in``: what the access point was last told; ``let_in_at`` since when. ``granted_until``:
    the session's end as the access point was told it, ``has_idle_timeout`` whether it was told to
    drop a silent device; None: not known. The rest is as the access point wrote it.
    """

    mac: MacAddress
    access_point: str
    heard_at: datetime
    let_in: bool
    ip: str | None = None
    user_name: bytes = b""
    accounting_session_id: bytes | None = None
    audit_session_id: bytes | None = None
    source_ip: str = ""
    nas_ip: str | None = None
    nas_identifier: bytes | None = None
    nas_port: int | None = None
    called: bytes = b""
    ssid: bytes = b""
    let_in_at: datetime | None = None
    granted_until: datetime | None = None
    has_idle_timeout: bool | None = None

    def __repr__(self) -> str:
        return f"Place({self.mac}, {self.access_point}, let_in={self.let_in})"

    @property
    def nas(self) -> bytes:
        """Return what the access point is called among those of its client."""
        return self.nas_identifier or (self.nas_ip or self.source_ip).encode()

    @property
    def key(self) -> tuple[str, bytes]:
        """Return which access point this is."""
        return self.access_point, self.nas


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
        """Note where devices are; of two notes of one device at one place the later one stands."""
        ...

    async def places(self, macs: Sequence[MacAddress]) -> Sequence[Place]:
        """Return where these devices were heard of, at every access point; the latest first."""
        ...

    async def overdue(
        self, since: datetime, ended_before: datetime, now: datetime
    ) -> AbstractSet[tuple[str, str]]:
        """Return where devices are in, without a session, whose end there came before that.

        Access points by name and source address; of places that were heard of since then.
        """
        ...

    async def misplaced(
        self, access_points: Sequence[str], since: datetime, now: datetime
    ) -> Sequence[Place]:
        """Return places at these access points where what was told is not what should hold.

        In without a session; at the portal with one, where a device was heard of last; in until
        another end than the session's, or dropped for silence under a tutor's eyes. Of those heard
        of since then.
        """
        ...
