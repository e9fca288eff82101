"""What the guest services answer: values, never exceptions, for everything that is expected."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.session import EndReason, Ground, Session
from portal.domain.voucher import Voucher


class RefusalReason(StrEnum):
    """Why a sign-in was refused. Each has its text in the copy deck of the guest pages."""

    CARD_EMPTY = "card.empty"
    CARD_FORMAT = "card.format"
    CARD_PERSONAL_NUMBER = "card.pnr"
    PIN_EMPTY = "pin.empty"
    CREDENTIALS_WRONG = "cred.wrong"
    TOO_MANY_ATTEMPTS = "cred.wait"
    CARD_EXPIRED = "card.expired"
    CARD_BLOCKED = "card.blocked"
    LIBRARY_SYSTEM_DOWN = "lms.down"
    CODE_EMPTY = "code.empty"
    CODE_LENGTH = "code.length"
    CODE_TYPO = "code.typo"
    """The check digit does not fit: nobody was asked."""
    CODE_UNKNOWN = "code.unknown"
    CODE_EXPIRED = "code.expired"
    CODE_EARLY = "code.early"
    CODE_FULL = "code.full"
    CODE_OTHER_SITE = "code.site"
    CODE_REVOKED = "code.revoked"
    DAY_CODE_OLD = "day.old"
    """The code of the day is another one now, or that of another site."""
    CODES_BUSY = "code.busy"
    """So many unknown codes were typed here that none can be typed now."""
    CLOSED = "closed"
    SERVICE_DOWN = "service"
    METHOD_NOT_OFFERED = "method"
    NOT_ONLINE = "extend.offline"
    """Asked to extend, but the device has no session."""
    NOT_EXTENDABLE = "extend.closing"
    """Asked to extend, but the session ends because the library closes."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The session stands in the database and the gate is open.

    ``is_own`` False: it ran already, and not on what was just shown: it stays its owner's.
    """

    session: Session
    is_own: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """The guest stays captive.

    ``attempts_left`` goes with CREDENTIALS_WRONG (None: say nothing), ``retry_at`` with
    TOO_MANY_ATTEMPTS (None: not soon; a code or the staff help), ``opens_at`` with CLOSED (None:
    no opening known).
    ``wait_s`` goes with CREDENTIALS_WRONG: how long the pause after the last attempt will be
    (None: no short pause, the day's attempts are over then).
    ``expected_length`` and ``actual_length`` (characters) go with CARD_FORMAT, together or not,
    and with CODE_LENGTH. ``valid_until`` goes with CODE_EXPIRED, ``devices`` with CODE_FULL: how
    many may use the code. ``valid_from`` goes with CODE_EARLY, and ``site_name`` with
    CODE_OTHER_SITE (empty: it is not known here).
    """

    reason: RefusalReason
    attempts_left: int | None = None
    retry_at: datetime | None = None
    opens_at: datetime | None = None
    wait_s: int | None = None
    expected_length: int | None = None
    actual_length: int | None = None
    valid_until: datetime | None = None
    devices: int | None = None
    valid_from: datetime | None = None
    site_name: str = ""


SignInOutcome = Admitted | Refused


@dataclass(frozen=True, slots=True)
class VoucherOffer:
    """A voucher that would let the device in: ``online_until`` then, for the reason given.

    ``lasts_until`` is when the voucher itself is over.
    """

    voucher: Voucher
    online_until: datetime
    ends_because: EndReason
    lasts_until: datetime


@dataclass(frozen=True, slots=True)
class Online:
    """The device has a live session and is let through."""

    session: Session
    extension: timedelta | None = None
    """How much longer a press on "extend" would make it; None: it is not offered."""


@dataclass(frozen=True, slots=True)
class Captive:
    """The device is not let through.

    ``number`` is the two-digit device number shown on its page (10-99, None while the
    database is away, or when all are taken); ``last_end`` says why its last session ended, when
    that was today. ``is_certain`` is False where nobody could be asked: it may well be online.
    ``may_continue``: one press, and no card, takes the visit up again. ``last_ground`` goes with
    ``last_end``.
    """

    number: int | None
    last_end: EndReason | None = None
    is_certain: bool = True
    may_continue: bool = False
    last_ground: Ground | None = None


Standing = Online | Captive
