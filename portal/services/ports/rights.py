"""The door to all that is kept of one card, voucher or device: to show it, and to delete it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from portal.domain.audit_chain import Deed
from portal.domain.identity import MacAddress, Subject


class Shown(StrEnum):
    """What a person shows."""

    CARD = "card"
    VOUCHER = "voucher"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Place:
    """A device's place in a voucher, under the name that the voucher gives it."""

    voucher: UUID
    device: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that the tables may call what was shown.

    ``subjects`` and ``devices`` are under the keys of years, ``guests`` and ``traces`` under those
    of weeks, ``counted`` under those of days.
    """

    subjects: tuple[bytes, ...] = field(default=(), repr=False)
    guests: tuple[bytes, ...] = field(default=(), repr=False)
    devices: tuple[bytes, ...] = field(default=(), repr=False)
    traces: tuple[bytes, ...] = field(default=(), repr=False)
    macs: tuple[MacAddress, ...] = field(default=(), repr=False)
    vouchers: tuple[UUID, ...] = ()
    places: tuple[Place, ...] = ()
    counted: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """One row: what kind of thing it is, when it was, and what it says."""

    kind: str
    at: datetime
    says: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class UsedVoucher:
    """A voucher that devices have places in, with what is needed to say which device."""

    id: UUID
    key_id: str
    subject: Subject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each kind were deleted, which devices are out, and the record's row."""

    told: Mapping[str, int]
    put_out: tuple[MacAddress, ...] = field(repr=False)
    number: int
    hash: bytes = field(repr=False)


class KeptOfOne(Protocol):
    """Every method raises DatabaseUnavailableError: nothing is shown, and nothing was deleted."""

    async def find(self, names: Names) -> Sequence[KeptRow]:
        """Return every row under these names, kind by kind, the oldest first."""
        ...

    async def weeks_with_history(self, mondays: Sequence[datetime]) -> Sequence[datetime]:
        """Return those of these weeks from which anything of anybody is kept."""
        ...

    async def used_vouchers(self) -> Sequence[UsedVoucher]:
        """Return all vouchers that some device has a place in."""
        ...

    async def erase(self, names: Names, deed: Deed) -> Erased:
        """Delete all of it, end what runs, and write the deed down, in one transaction.

        The deed's ``found`` and the end of its ``about`` are what was deleted.
        """
        ...
