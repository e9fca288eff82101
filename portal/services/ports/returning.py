"""The door to what lets a device come back: tickets of the day, and the memory of devices."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.identity import MacAddress, SiteId, Subject
from portal.domain.returning import RememberedDevice, Ticket
from portal.services.ports import Opening, Started


@dataclass(frozen=True, slots=True)
class Names:
    """What a device is called: in this week's history, and under the live keys.

    ``live`` has this year's name first, then last year's while that key exists.
    """

    trace: bytes
    live: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a device."""

    ticket: Ticket | None = None
    remembered: RememberedDevice | None = None


class Returns(Protocol):
    """Devices that come back. Every method raises DatabaseUnavailableError."""

    async def offer(self, trace: bytes, ticket: Ticket) -> None:
        """Write the ticket of a device whose session has ended; gone with its next session."""
        ...

    async def known(
        self, devices: Mapping[MacAddress, Names], now: datetime
    ) -> Mapping[MacAddress, Known]:
        """Return what is known of these devices, in one question; only of those it is known of."""
        ...

    async def take_up(
        self, opening: Opening, remembered: RememberedDevice | None, name: Subject, *, pressed: bool
    ) -> Started | None:
        """Start the session of a device that comes back, in one transaction.

        On a ticket, or on the memory of it: ``remembered`` is then as after the visit, and
        ``name`` what it was called before. None: what let it in is gone, or without a press it
        would take another device's place.
        """
        ...

    async def remember(self, device: RememberedDevice, names: Sequence[Subject], most: int) -> None:
        """Remember a device of its subject, in place of what any of its names stood for.

        Of more than ``most`` of the subject's devices those unvisited for longest are forgotten.
        """
        ...

    async def rename(self, old: Subject, new: Subject, now: datetime) -> None:
        """Call a card's devices by its name under this year's key: the card was shown."""
        ...

    async def pause(self, names: Names, until: datetime) -> None:
        """Let a remembered device not come back until then, and no device on a ticket.

        Its owner logged out.
        """
        ...

    async def of_subject(self, subject: Subject, now: datetime) -> list[RememberedDevice]:
        """Return the subject's remembered devices, the last added first."""
        ...

    async def forget(self, names: Collection[Subject]) -> bool:
        """Forget the device with one of these names; False when it was not remembered."""
        ...

    async def forget_of(self, subject: Subject, device_id: UUID) -> bool:
        """Forget one of the subject's devices; False when there is none with this id."""
        ...

    async def forget_for_staff(
        self, names: Collection[Subject], site_id: SiteId, number: int, staff: str, now: datetime
    ) -> bool:
        """The same as `forget`, with the event that says who did it at the desk."""
        ...

    async def forget_card(self, subjects: Collection[Subject], now: datetime) -> list[MacAddress]:
        """Forget all of a card's devices, and end the sessions of those that came by themselves.

        Return these. One under tutoring stays.
        """
        ...
