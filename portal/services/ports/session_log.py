"""The door to the log: sessions that were, and what happened in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.session import EndReason
from portal.domain.session_log import Cursor, LogFilter, Point


@dataclass(frozen=True, slots=True)
class LoggedSession:
    """A session as history has it. ``ended_at`` None: it is live; ``ends_at`` is when it would.

    ``ground`` is text: an older release may have known others.
    """

    id: UUID
    ground: str
    site_id: SiteId
    started_at: datetime
    ended_at: datetime | None
    end_reason: EndReason | None
    ends_at: datetime | None
    extensions: int
    upload_bytes: int
    download_bytes: int
    device_trace: bytes = field(repr=False)
    guest_trace: bytes | None = field(repr=False)
    point: Point | None = None
    """Where it was let in; None: by no access point, or nobody knows."""

    @property
    def cursor(self) -> Cursor:
        """Where a page goes on after this one."""
        return Cursor(self.started_at, self.id)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """Something that happened; ``detail`` is as it was written, and none of it is markup."""

    at: datetime
    id: int
    kind: str
    site_id: SiteId
    detail: Mapping[str, str]
    device_trace: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Events in [since, until) at these sites; ``every_site``: and those that are no site's."""

    since: datetime
    until: datetime
    sites: tuple[SiteId, ...]
    every_site: bool = False
    reasons: tuple[str, ...] = ()
    """Of refusals: which."""


@dataclass(frozen=True, slots=True)
class EventCursor:
    """After this event a page begins."""

    at: datetime
    id: int


class SessionLog(Protocol):
    """Reads history. Every method raises DatabaseUnavailableError; newest first, unless said."""

    async def page(
        self, wanted: LogFilter, after: Cursor | None, most: int
    ) -> Sequence[LoggedSession]:
        """Return at most so many sessions, those that began before the cursor's."""
        ...

    async def count(self, wanted: LogFilter, most: int) -> int:
        """Return how many there are, ``most`` where there are as many or more."""
        ...

    async def find(self, at: datetime, session_id: UUID) -> LoggedSession | None:
        """Return the session of this id that began within a second of then."""
        ...

    async def at(
        self, since: datetime, until: datetime, sites: Sequence[SiteId] | None, most: int
    ) -> Sequence[LoggedSession]:
        """Return at most so many sessions that ran at any moment in between; None: at any site."""
        ...

    async def time_line(self, session: LoggedSession) -> Sequence[LoggedEvent]:
        """Return what happened to the session, its device and its site meanwhile; oldest first."""
        ...

    async def access_points(self, session: LoggedSession) -> Sequence[str]:
        """Return where the session was, by the access points' names as configured; by time."""
        ...

    async def points(self, since: datetime, most: int) -> Sequence[tuple[Point, SiteId]]:
        """Return at most so many access points that let sessions in since then, by name."""
        ...

    async def refused(
        self, wanted: EventFilter, after: EventCursor | None, most: int
    ) -> Sequence[LoggedEvent]:
        """Return sign-ins that were refused."""
        ...

    async def by_staff(
        self, wanted: EventFilter, after: EventCursor | None, most: int
    ) -> Sequence[LoggedEvent]:
        """Return what staff, and the machine's own users, did and changed."""
        ...

    async def mark(self) -> str:
        """Return a word that is another one whenever something new was written."""
        ...
