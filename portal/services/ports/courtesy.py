"""The door to courtesy access: who had it today, and whose session turned out to be good."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from portal.domain.identity import Subject
from portal.domain.session import EndReason, Session
from portal.services.ports import Started, Trace


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The card behind a courtesy session was checked and is good.

    ``device`` is the device's hash under the live key, ``trace`` is under the key of the week in
    which the session began, ``ends`` the end it has from now on and why, ``sealed`` the
    card's number as in an Opening.
    """

    session: Session
    subject: Subject
    trace: Trace
    ends: tuple[datetime, EndReason]
    most_devices: int
    attempt: int
    device: Subject
    sealed: bytes | None = field(default=None, repr=False)


class Courtesies(Protocol):
    """Courtesy access. Every method raises DatabaseUnavailableError."""

    async def take(self, device: Subject, since: datetime, now: datetime) -> bool:
        """Note that the device gets its courtesy; False when it had one after ``since``."""
        ...

    async def confirm(self, confirmation: Confirmation, now: datetime) -> Started | None:
        """Make the session the card's own, in one transaction; None when it has ended.

        The attempt is settled and the device known to the card in either case. Of the card's
        other devices the longest absent give way, as when a session starts.
        """
        ...
