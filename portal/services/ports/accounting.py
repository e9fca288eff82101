"""The door to what access points count: accounts of devices' visits there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from portal.domain.accounting import Use
from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import Session


class UseRecord(NamedTuple):
    """One record, and the account it belongs to; a tuple, because thousands are made a second.

    ``name`` is the account's: a keyed hash of who tells of which device under which number (32
    octets). ``nas`` is what the access point calls itself, ``bss`` the radio and network, empty
    where it does not say. ``counts_bytes`` False: what passes is counted elsewhere.
    """

    name: bytes
    mac: MacAddress
    use: Use
    access_point: str
    site_id: SiteId
    nas: bytes
    bss: bytes = b""
    counts_bytes: bool = True


@dataclass(frozen=True, slots=True)
class Restart:
    """An access point that began or ended its accounting; ``bss`` empty: all of it."""

    access_point: str
    nas: bytes
    bss: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class QuietSession:
    """A session of which its access point has not told for a while."""

    session: Session
    access_point: str


class Accounts(Protocol):
    """Every method raises DatabaseUnavailableError."""

    async def write(self, records: Sequence[UseRecord | Restart]) -> None:
        """Write records, all or none; each counts once, however often and in whatever order.

        What is new is added to the bytes of the session that the record names, or else of the
        device's own, and moves its ``last_seen_at`` forward.
        """
        ...

    async def close_silent(self, silent_since: Mapping[str, datetime]) -> int:
        """Close what its access point has not told of since then; return how many there were."""
        ...

    async def heard(self, since: datetime) -> Mapping[str, datetime]:
        """Return when each access point told of anything last, of those that did since then."""
        ...

    async def quiet(self, site_ids: Sequence[SiteId], since: datetime) -> Sequence[QuietSession]:
        """Return the live sessions of these sites that nobody has seen since then.

        Of those only that some access point has told of.
        """
        ...


class JournalError(Exception):
    """Records were not kept: the disk is full, or too many wait. Fails as if there were none."""


class BatchUnreadableError(Exception):
    """There is no such batch, or it is cut short, or of another version."""


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A batch on disk. ``records`` None: it cannot be read."""

    name: str
    kept_at: datetime
    records: int | None
    access_points: frozenset[str]


class RefusedJournal(Protocol):
    """What an admin may do with batches, those that cannot be read among them."""

    async def batches(self) -> Sequence[WaitingBatch]:
        """Return all, the oldest first."""
        ...

    async def read_any(self, name: str) -> Sequence[UseRecord | Restart]:
        """Return a batch.

        Raises:
            BatchUnreadableError: it cannot be.
        """
        ...

    async def remove_any(self, name: str) -> bool:
        """Forget a batch; False: there is none of this name."""
        ...


class AccountingJournal(Protocol):
    """Records on disk while the database is away, in batches."""

    async def keep(self, records: Sequence[UseRecord | Restart]) -> None:
        """Keep records; they outlive a power cut once this returns.

        Raises:
            JournalError: none of them was kept.
        """
        ...

    async def waiting(self) -> Sequence[str]:
        """Return the names of the batches that wait, the oldest first."""
        ...

    async def read(self, name: str) -> Sequence[UseRecord | Restart] | None:
        """Return a batch; None: it is gone, or can never be read and was set aside."""
        ...

    async def shrink(self, name: str, records: Sequence[UseRecord | Restart]) -> None:
        """Keep no more of a batch than these records; what cannot be done now stays as it was."""
        ...

    async def remove(self, name: str) -> None:
        """Forget a batch that was written. Lost in a power cut, it is written once more."""
        ...
