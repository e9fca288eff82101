"""The doors that only the keeper uses: signs of life, the site's clock, the durable snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from portal.domain.clock_jump import ClockReading
from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import Session


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a look found new of one device.

    ``up_bytes`` and ``down_bytes`` are the gate's counters, ``before`` what the same keeper read
    last (None: it has just begun). ``seen_at`` is the last sign of life that has a time; None where
    only moved counters are one, or nothing. ``again``: an earlier look had found one already after
    its session was succeeded.
    """

    mac: MacAddress
    up_bytes: int
    down_bytes: int
    before: tuple[int, int] | None = None
    seen_at: datetime | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Noted:
    """Which sightings were written, and whose session is a succeeded one still."""

    written: frozenset[MacAddress]
    succeeded: frozenset[MacAddress]


@dataclass(frozen=True, slots=True)
class Quiet:
    """The session of a device that is silent. ``elsewhere``: other sites let it in too."""

    session: Session
    elsewhere: frozenset[SiteId]


class Places(Protocol):
    """Where devices are. Each method raises DatabaseUnavailableError."""

    async def place(self, macs: Sequence[MacAddress], place: str, now: datetime) -> list[UUID]:
        """Note that these devices were seen at this place (a node, or a network of one).

        Returns the sessions whose device changes places too fast for one device, each once; the
        event log tells of them too (``device_at_two_places``): somebody copied an address.
        """
        ...


class Sightings(Places, Protocol):
    """Counters and signs of life of live sessions. Each method raises DatabaseUnavailableError."""

    async def note(
        self, site_ids: Sequence[SiteId], sightings: Sequence[Sighting], now: datetime
    ) -> Noted:
        """Add what was counted, and move ``last_seen_at`` forward.

        Safe to repeat: counters of these sites' own sessions are compared with those last written.
        A session that somebody else is changing at the moment is left for the next look.
        """
        ...

    async def quiet(self, macs: Sequence[MacAddress]) -> list[Quiet]:
        """Return the live sessions of these devices."""
        ...


class Clocks(Protocol):
    """What is known of the sites' clocks. Each method raises DatabaseUnavailableError."""

    async def settle(
        self, site_ids: Sequence[SiteId], machine_start: str, reading: ClockReading
    ) -> Mapping[SiteId, timedelta]:
        """Compare the clock with what it was; move the sessions of each site by its jump, once.

        Returns the jumps. A machine that started with a time before the last one told here corrects
        its clock by a jump, and nothing moves. Call it now and then, so that the last one is known.
        """
        ...

    async def in_doubt(self, site_ids: Sequence[SiteId]) -> list[SiteId]:
        """Return the sites whose closing times moved with a clock that jumped."""
        ...

    async def believe_closing(self, site_id: SiteId, ends_at: datetime | None) -> int:
        """End the site's sessions at closing time again; return how many had another end.

        None: the site does not close.
        """
        ...


class SnapshotNotWrittenError(Exception):
    """The disk is full or not writable. Fails open: nothing else depends on the file."""


class Snapshots(Protocol):
    """The file from which the gate lets devices in after a power cut."""

    async def save(self, devices: Mapping[MacAddress, datetime], now: datetime) -> None:
        """Write who is admitted, and each one's end, so that a power cut does not lose it.

        Raises:
            SnapshotNotWrittenError: the old file stands.
        """
        ...
