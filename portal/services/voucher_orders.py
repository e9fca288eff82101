"""What staff order of vouchers, what they get, and why they do not.

Not the doing (vouchers.py). The rule to keep: an order is judged here, before anybody is asked.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.voucher import (
    LONGEST_LIFE,
    LONGEST_UNUSED,
    MOST_AT_ONCE,
    MOST_DEVICES,
    TO_CLOSING,
    Lasts,
    Voucher,
)
from portal.services.voucher_secrets import Slip


class VoucherRefusal(StrEnum):
    """Why a wish of staff's was not done."""

    NO_SUCH_VOUCHER = "no_such_voucher"
    """None of this site's, and none that is valid everywhere."""
    NOT_OFFERED = "not_offered"
    """The site takes no codes."""
    IMPOSSIBLE = "impossible"
    """An amount, a number of devices or a time that no voucher can have."""
    TOO_LATE = "too_late"
    """It cannot be taken back any more: turn it off."""
    OVER = "over"
    """Its time is up, or it was turned off."""
    NOT_A_BATCH = "not_a_batch"
    """The letters are those of the site's single vouchers, which are turned off one by one."""
    DATABASE_AWAY = "database_away"


@dataclass(frozen=True, slots=True)
class VoucherOrder:
    """What is to be made: ``count`` vouchers, all alike.

    ``use_before`` None: half a year from now. ``starts_at`` None: now.
    """

    site_id: SiteId
    lasts: Lasts = TO_CLOSING
    most_devices: int = 1
    count: int = 1
    starts_at: datetime | None = None
    use_before: datetime | None = None
    is_everywhere: bool = False
    preset: str = ""


@dataclass(frozen=True, slots=True)
class IssuedVoucher:
    """A voucher and its secrets, for the one who prints it."""

    voucher: Voucher
    slip: Slip


@dataclass(frozen=True, slots=True)
class MadeVouchers:
    """What was made in one act, by number. ``making`` takes it back for ten seconds."""

    making: UUID
    issued: tuple[IssuedVoucher, ...]


@dataclass(frozen=True, slots=True)
class Reprinted:
    """A slip to print: the same as before, or (``is_new``) one that goes on with what was left."""

    issued: IssuedVoucher
    is_new: bool


def is_possible(
    order: VoucherOrder, starts_at: datetime, use_before: datetime, now: datetime
) -> bool:
    """Say whether vouchers can be like that: amounts and times within what is allowed."""
    length, until = order.lasts.length, order.lasts.until
    return (
        1 <= order.count <= MOST_AT_ONCE
        and 1 <= order.most_devices <= MOST_DEVICES
        and max(now, starts_at) < use_before <= now + LONGEST_UNUSED
        and (length is None or timedelta(0) < length <= LONGEST_LIFE)
        and (until is None or max(now, starts_at) < until <= now + LONGEST_LIFE)
    )
