"""The door to what a tutor sees and holds: waiting devices by number, and protected sessions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import EndReason, Session


@dataclass(frozen=True, slots=True)
class WaitingDevice:
    """A device: the number on its page, its kind ("iPhone"), what it tried ("cred.wrong")."""

    number: int
    steps: tuple[str, ...]
    first_seen_at: datetime
    last_seen_at: datetime
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Tutor:
    """Who acts (the employee, for the event log), on the device with which number."""

    name: str
    number: int


class Tutored(Protocol):
    """Devices and sessions as a tutor names them. Every method raises DatabaseUnavailableError."""

    async def waiting(self, site_id: SiteId, now: datetime) -> list[WaitingDevice]:
        """Return the devices that wait at the site now, the longest waiting first."""
        ...

    async def online(self, site_id: SiteId, now: datetime) -> list[WaitingDevice]:
        """Return the devices that are in, are not under tutoring, and show a number now."""
        ...

    async def device(self, site_id: SiteId, number: int, now: datetime) -> MacAddress | None:
        """Return the device that shows, or showed in the last ten minutes, this number."""
        ...

    async def tutored(self, site_id: SiteId, now: datetime) -> list[Session]:
        """Return the site's sessions under tutoring, by number."""
        ...

    async def find(self, site_id: SiteId, number: int) -> Session | None:
        """Return the tutored session with this number, also when its protection ran out."""
        ...

    async def protect(
        self, session: Session, until: datetime, tutor: Tutor, now: datetime
    ) -> Session | None:
        """Protect the session until then; None when it has ended meanwhile."""
        ...

    async def release(
        self, session: Session, ends: tuple[datetime, EndReason], tutor: Tutor, now: datetime
    ) -> Session | None:
        """Take the protection away; the session then ends as told. None when it has ended."""
        ...

    async def carry_over(
        self,
        old: tuple[Session, tuple[datetime, EndReason]],
        new: tuple[Session, datetime],
        tutor: Tutor,
        now: datetime,
    ) -> tuple[Session, Session] | None:
        """Move number, group and protection from the old session to the new one, and return both.

        The old one ends as told, and counts as one whose owner goes on elsewhere; the new one is
        protected until the time told. None when one of them has ended or the old one holds no
        number any more.
        """
        ...
