"""The doors between the event log and the organisation's log collector."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from portal.domain.forwarded_event import ForwardedEvent


class CollectorUnavailableError(Exception):
    """The collector did not take what it was sent. What was sent waits."""


class Channel(Protocol):
    """The way to the collector."""

    async def send(self, events: Sequence[ForwardedEvent]) -> None:
        """Send events, and see that they are taken.

        Raises:
            CollectorUnavailableError: they are not, or nobody knows; send them again.
        """
        ...


class Outbox(Protocol):
    """Events that wait for the collector. Every method raises DatabaseUnavailableError."""

    async def turn_on(self) -> None:
        """Have events of now on kept for the collector; to be said again and again."""
        ...

    async def turn_off(self, silent_for: timedelta) -> None:
        """Keep none and forget what waits, if nobody has turned it on for so long."""
        ...

    async def take(self, most: int, now: datetime, lease: timedelta) -> Sequence[ForwardedEvent]:
        """Return the oldest that wait; nobody else gets them until ``lease`` is over."""
        ...

    async def done(self, ids: Sequence[int]) -> None:
        """Forget what was taken."""
        ...

    async def put_back(self, ids: Sequence[int]) -> None:
        """Let what was not sent be taken again at once."""
        ...

    async def trim(self, most: int, before: datetime) -> int:
        """Drop what is older, and the oldest beyond so many; return how many."""
        ...

    async def waiting(self) -> int:
        """Return how many wait."""
        ...
