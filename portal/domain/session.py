"""A session: the fact that a device may be online, on what ground, and until when.

Not the permission itself (that stands in the kernel) and not the rules that grant one
(admission.py). The rule to keep: a session ends once, for a reason that held at that time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.domain.identity import Device, MacAddress, SiteId, Subject

WARN_BEFORE = timedelta(minutes=5)
"""WCAG 2.2.1 asks for 20 s at least; five minutes are enough to finish a form."""

SHORTEST_ABSENCE = timedelta(hours=1)
"""Phones sleep for longer than half an hour without a sign; no site may call that absence."""


class Ground(StrEnum):
    """Why a device was let in."""

    CARD = "card"
    VOUCHER = "voucher"
    TUTOR = "tutor"
    REMEMBERED = "remembered"
    ACCEPT = "accept"
    OPEN = "open"
    ALLOWED_DEVICE = "allowed_device"
    RADIUS = "radius"
    COURTESY = "courtesy"
    """Nobody could be asked who it is: for some minutes, until the card has been checked."""
    DAY_CODE = "day_code"
    """It was seen that somebody is in the library: the code of the day was on its screen. Not
    VOUCHER, which has an owner, clocks of its own and places to count."""


class EndReason(StrEnum):
    """Why a session ended, or is going to end at its ``ends_at``."""

    LOGGED_OUT = "logged_out"
    CLOSING_TIME = "closing_time"
    TIME_LIMIT = "time_limit"
    ABSENT = "absent"
    REPLACED = "replaced"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a device was let in for: a ground, and whose it is where the ground has an owner."""

    ground: Ground
    subject: Subject | None = None


class InvalidTransitionError(Exception):
    """A change that the transition table does not allow: a bug in the caller."""


@dataclass(frozen=True, slots=True)
class Session:
    """A live or ended session. All times are aware and in UTC.

    ``ends_at`` is when it ends if nothing happens, and ``ends_because`` why it would.
    ``ended_at`` and ``end_reason`` are set together, once. ``succeeded``: its owner goes on under
    another address, so it takes no device place. ``tutored_as`` is the device number on the tutor's
    tile, and ``group_id`` the tutoring group it joined. ``elsewhere``: other sites that let the
    device in, for who asked for them (`services.ports.live`).
    """

    id: UUID
    ground: Ground
    subject: Subject | None
    mac: MacAddress
    site_id: SiteId
    started_at: datetime
    ends_at: datetime
    ends_because: EndReason
    last_seen_at: datetime
    protected_until: datetime | None = None
    extensions: int = 0
    upload_bytes: int = 0
    download_bytes: int = 0
    succeeded: bool = False
    tutored_as: int | None = None
    group_id: UUID | None = None
    elsewhere: frozenset[SiteId] = frozenset()
    ended_at: datetime | None = None
    end_reason: EndReason | None = None

    @property
    def is_live(self) -> bool:
        """Whether the session has not ended."""
        return self.ended_at is None

    @property
    def due_at(self) -> datetime:
        """When the session really ends by time: protection outlasts a time limit, not closing."""
        protected_until = self.protected_until
        if protected_until is not None and self.ends_because is EndReason.TIME_LIMIT:
            return max(self.ends_at, protected_until)
        return self.ends_at

    def is_protected(self, now: datetime) -> bool:
        """Whether a tutor holds the session: no limit and no other device may end it."""
        return self.protected_until is not None and now < self.protected_until


class _Change(StrEnum):
    EXTEND = "extend"
    SEE = "see"
    END = "end"


class _State(StrEnum):
    LIVE = "live"
    ENDED = "ended"


_TRANSITIONS = {
    (_State.LIVE, _Change.EXTEND): _State.LIVE,
    (_State.LIVE, _Change.SEE): _State.LIVE,
    (_State.LIVE, _Change.END): _State.ENDED,
}
"""All there is. A session that ended stays so: coming back is a new session."""


def start(
    session_id: UUID,
    claim: Claim,
    device: Device,
    ends: tuple[datetime, EndReason],
    now: datetime,
) -> Session:
    """Begin a session that ends at ``ends[0]`` because of ``ends[1]``, if nothing happens."""
    return Session(
        id=session_id,
        ground=claim.ground,
        subject=claim.subject,
        mac=device.mac,
        site_id=device.site_id,
        started_at=now,
        ends_at=ends[0],
        ends_because=ends[1],
        last_seen_at=now,
    )


def extend(session: Session, ends_at: datetime, ends_because: EndReason) -> Session:
    """Move the end to a later time.

    Raises:
        InvalidTransitionError: the session has ended, or the new end is not later.
    """
    _check(session, _Change.EXTEND)
    if ends_at <= session.ends_at:
        raise InvalidTransitionError("an extension ends later than before")
    return replace(
        session, ends_at=ends_at, ends_because=ends_because, extensions=session.extensions + 1
    )


def see(session: Session, at: datetime) -> Session:
    """Note a sign of life; an older one than the last changes nothing.

    Raises:
        InvalidTransitionError: the session has ended.
    """
    _check(session, _Change.SEE)
    return replace(session, last_seen_at=max(session.last_seen_at, at))


def end(session: Session, reason: EndReason, now: datetime) -> Session:
    """End the session; one that ends by time has ended when it was due, not when we noticed.

    Raises:
        InvalidTransitionError: it ended before, or the reason does not hold.
    """
    _check(session, _Change.END)
    if not holds(session, reason, now):
        raise InvalidTransitionError(f"{reason} does not hold")
    by_time = reason is session.ends_because
    ended_at = session.due_at if by_time else max(now, session.started_at)
    return replace(session, ended_at=ended_at, end_reason=reason)


def holds(session: Session, reason: EndReason, now: datetime) -> bool:
    """Whether a live session may end now for this reason."""
    match reason:
        case EndReason.CLOSING_TIME | EndReason.TIME_LIMIT:
            return reason is session.ends_because and now >= session.due_at
        case EndReason.REPLACED:
            return not session.is_protected(now)
        case EndReason.ABSENT:
            # presence.py says when; this is what no account of it can do without
            unseen = now - session.last_seen_at >= SHORTEST_ABSENCE
            return unseen and not session.is_protected(now)
        case EndReason.LOGGED_OUT | EndReason.REVOKED:  # pragma: no branch - the last there is
            return True


def _check(session: Session, change: _Change) -> None:
    state = _State.LIVE if session.is_live else _State.ENDED
    if (state, change) not in _TRANSITIONS:
        raise InvalidTransitionError(f"{change} of a session that has {state}")


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Warn:
    """The session ends soon, and the guest must be told."""

    ends_at: datetime


@dataclass(frozen=True, slots=True)
class End:
    """The session is over, for this reason."""

    reason: EndReason


Decision = Keep | Warn | End


def decide(session: Session, now: datetime) -> Decision:
    """Say what time alone demands of a live session; a clock set back demands nothing."""
    if now >= session.due_at:
        return End(session.ends_because)
    if session.due_at - now <= WARN_BEFORE:
        return Warn(session.due_at)
    return Keep()
