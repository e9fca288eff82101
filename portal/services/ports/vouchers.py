"""The door to vouchers: made, tried, used, and what staff do with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from portal.domain.identity import MacAddress, SiteId, Subject
from portal.domain.session import EndReason, Session
from portal.domain.typed_code import CodeLimits
from portal.domain.voucher import Lasts, Serial, Voucher
from portal.services.ports import Opening
from portal.services.ports.typed_codes import HeldBack


@dataclass(frozen=True, slots=True)
class VoucherNames:
    """What the database knows a voucher by: keyed hashes (32 bytes each) and the sealed slip.

    ``sealed`` is code and token, encrypted; ``key_id`` names the key of all four.
    """

    key_id: str
    code: Subject
    token: Subject
    subject: Subject
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewVoucher:
    """One voucher that is to be made."""

    id: UUID
    names: VoucherNames


@dataclass(frozen=True, slots=True)
class NewVouchers:
    """Vouchers that are made in one act, all alike. ``making`` names the act, for its undoing."""

    making: UUID
    site_id: SiteId
    lasts: Lasts
    most_devices: int
    starts_at: datetime
    use_before: datetime
    is_everywhere: bool
    preset: str
    each: Sequence[NewVoucher]


@dataclass(frozen=True, slots=True)
class VoucherTried:
    """A code typed at a site: its keyed hashes, and that of the device under the live key."""

    codes: Sequence[Subject]
    device: Subject
    site_id: SiteId


VoucherAnswer = Voucher | HeldBack
"""A voucher that cannot be used is told as it is, and counts as no guess."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A voucher used by a device.

    ``opening`` ends when the site would end it; the voucher's own clock is set by the store.
    ``ends_at`` is when the voucher is over if this is its first login. ``device`` is what the
    voucher calls the device, and ``continues`` with ``before`` the session and the name of the
    address that the device had before.
    """

    voucher: Voucher
    opening: Opening
    ends_at: datetime
    device: Subject
    before: Subject | None = None


@dataclass(frozen=True, slots=True)
class VoucherUsed:
    """The session that stands; ``put_out`` gave its place to it. ``is_new``: it started now."""

    session: Session
    is_new: bool
    put_out: tuple[MacAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class VoucherFull:
    """All places are taken, by other devices."""


@dataclass(frozen=True, slots=True)
class VoucherChanged:
    """The voucher is not any more what it was when it was found: look for it again."""


RedeemAnswer = VoucherUsed | VoucherFull | VoucherChanged


@dataclass(frozen=True, slots=True)
class Sealed:
    """Code and token of a voucher as they are kept until its first login; None: no more."""

    key_id: str
    sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many vouchers were turned off now, and whose devices must leave the gate."""

    count: int
    put_out: tuple[MacAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class Making:
    """What was made in one act: its first voucher, and how many there are."""

    first: Voucher
    count: int


class VoucherStore(Protocol):
    """Vouchers of the organisation. Every method raises DatabaseUnavailableError.

    ``by`` is the employee who acts: a change and the event that says who made it are one.
    """

    async def make(
        self,
        new: NewVouchers,
        by: str,
        now: datetime,
        progress: Callable[[int], None],
    ) -> list[Voucher] | None:
        """Make them all or none, and number them; None: a code is taken, draw again.

        One alone gets the next number of its site's series, several get a series of their own.
        ``progress`` is told how many are done.
        """
        ...

    async def try_code(
        self, tried: VoucherTried, limits: CodeLimits, now: datetime
    ) -> VoucherAnswer:
        """Return whose code it is, or count the guess, under the caps of all typed codes."""
        ...

    async def by_token(self, tokens: Sequence[Subject]) -> Voucher | None:
        """Return the voucher with one of these tokens."""
        ...

    async def by_code(self, codes: Sequence[Subject]) -> Voucher | None:
        """Return the voucher with one of these codes, for staff: nothing is counted."""
        ...

    async def by_serial(self, serial: Serial) -> Voucher | None:
        """Return the voucher with this serial."""
        ...

    async def by_subject(self, subject: Subject) -> Voucher | None:
        """Return the voucher whose sessions have this subject."""
        ...

    async def has_place(self, voucher: Voucher, device: Subject) -> bool:
        """Say whether the device of this name has a place."""
        ...

    async def redeem(self, wish: Redemption) -> RedeemAnswer:
        """Use a voucher: take a place and start the session, in one transaction.

        Never more devices than it has places; a device that has one takes no other. A device on a
        new address goes on in the place, and with the session, of the old one.
        """
        ...

    async def recent(self, site_id: SiteId, most: int) -> list[Voucher]:
        """Return the site's vouchers made last, the newest first."""
        ...

    async def makings(self, site_id: SiteId, most: int) -> list[Making]:
        """Return what was made last at the site, act by act, the newest first."""
        ...

    async def of_series(self, letters: str) -> list[Voucher]:
        """Return the vouchers of a series by number."""
        ...

    async def live(self, site_id: SiteId, now: datetime) -> int:
        """Return how many codes would let somebody in at the site."""
        ...

    async def undo(
        self, site_id: SiteId, making: UUID, since: datetime, by: str, now: datetime
    ) -> int:
        """Delete what was made in that act after ``since`` and not used; return how many."""
        ...

    async def revoke(
        self, vouchers: Sequence[Voucher], by: str, now: datetime, *, only_unused: bool
    ) -> Revoked:
        """Turn vouchers of one site off, end their sessions, and forget their slips."""
        ...

    async def prolong(
        self,
        longer: Voucher,
        ends: Mapping[UUID, tuple[datetime, EndReason]],
        by: str,
        now: datetime,
    ) -> list[Session] | None:
        """Give a voucher its new clocks, and its sessions their ``ends``; return the sessions.

        None: it was used or turned off meanwhile.
        """
        ...

    async def sealed(self, vouchers: Sequence[Voucher]) -> Mapping[UUID, Sealed]:
        """Return the slips as they are kept, by the vouchers' ids."""
        ...

    async def note_reprint(self, voucher: Voucher, by: str, now: datetime) -> None:
        """Write down that the same slip was shown again."""
        ...

    async def replace(
        self, old: Voucher, new: NewVoucher, by: str, now: datetime
    ) -> Voucher | None:
        """Make a voucher that goes on with a used one: its end, its places, its sessions.

        The old one is turned off. None: it was turned off or ran out before. A code that is taken
        (one in 100,000 at the worst) counts as a database that is away: try again.
        """
        ...

    async def note_export(
        self, site_id: SiteId, letters: str, by: str, now: datetime, *, with_codes: bool
    ) -> None:
        """Write down that a list was taken out, perhaps with the codes of unused ones."""
        ...

    async def pauses(self, sessions: Sequence[Session], now: datetime) -> Mapping[UUID, timedelta]:
        """Return for how long a tutoring that runs has held up each session's voucher."""
        ...
