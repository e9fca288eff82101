"""What an access point's accounting says of one device's visit there, counted once.

Not a session of ours (session.py): an access point begins a new account whenever a device joins it
anew. Pure. The rule to keep: whatever is lost, doubled or comes late, the same records give the
same account; totals never shrink, and what a Stop has ended stays so.
Source: RFC 2866 sections 4 and 5, RFC 5080 section 2.3.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

REUSED_AFTER = timedelta(seconds=30)
"""After a Stop: an access point that has no clock repeats a lost Start for less than this."""

REUSED_AFTER_SILENCE = timedelta(minutes=10)
"""Where the Stop was lost with the power. Access points give up a record that nobody answers
sooner, and sooner than this none has restarted and let the same device in under the same number
while its last account was still told of."""

SILENT_INTERVALS = 3
"""Interims that did not come before an account is closed: the network loses one, hardly three."""

_ROUNDING = timedelta(seconds=2)
"""Event-Timestamp and Acct-Session-Time are whole seconds, each rounded in its own way."""

_COUNTER = 2**32
"""Octets, where there are no gigawords (RFC 2869 sections 5.1 and 5.2)."""

NAS_REBOOT = 11
LOST_CARRIER = 2
"""Acct-Terminate-Cause, RFC 2866 section 5.10."""


class UseStatus(StrEnum):
    """What a record marks."""

    START = "start"
    INTERIM = "interim"
    STOP = "stop"


class ClosedBy(StrEnum):
    """What ended an account."""

    STOP = "stop"
    REBOOT = "reboot"
    """Accounting-On or -Off: the access point knows nothing of it any more."""
    SILENCE = "silence"


class Octets(NamedTuple):
    """What a device sent and received."""

    upload: int = 0
    download: int = 0

    def plus(self, other: "Octets") -> "Octets":
        """Return both together."""
        return Octets(self.upload + other.upload, self.download + other.download)

    def less(self, other: "Octets") -> "Octets":
        """Return what is in this one beside the other."""
        return Octets(self.upload - other.upload, self.download - other.download)

    def most(self, other: "Octets") -> "Octets":
        """Return the greater of each."""
        return Octets(max(self.upload, other.upload), max(self.download, other.download))


NOTHING = Octets()
_NO_TIME = timedelta()

# To look a member up in its class takes as long as to compare two times.
_START, _STOP = UseStatus.START, UseStatus.STOP
_BY_STOP = ClosedBy.STOP


class Use(NamedTuple):
    """One record. ``octets`` and ``duration`` None: it does not say. Times are aware, in UTC.

    A tuple as the account is: of each record one is made, and a frozen dataclass takes four times
    as long.
    """

    status: UseStatus
    happened_at: datetime
    arrived_at: datetime
    octets: Octets | None = None
    duration: timedelta | None = None
    session_id: UUID | None = None
    cause: int | None = None

    @property
    def started_at(self) -> datetime | None:
        """When what it tells of began, by the access point's own count; None: it does not say."""
        if self.status is _START:
            return self.happened_at
        return None if self.duration is None else self.happened_at - self.duration


class Account(NamedTuple):
    """One visit of one device to one access point.

    ``total`` is all that was counted; ``before`` that of it which the counters do not show any
    more: they began anew (at ``restarted_at``), or had no more digits. ``duration`` is since then.
    ``told_at`` is the latest event, ``heard_at`` when anything was last heard, by our clock.
    ``ended_at``, ``closed_by`` and ``cause`` go together.
    """

    started_at: datetime
    told_at: datetime
    heard_at: datetime
    total: Octets = NOTHING
    before: Octets = NOTHING
    duration: timedelta = _NO_TIME
    restarted_at: datetime | None = None
    session_id: UUID | None = None
    ended_at: datetime | None = None
    closed_by: ClosedBy | None = None
    cause: int | None = None


class Followed(NamedTuple):
    """An account after a record: what the record ``added``, and the account it came after.

    ``earlier``: the access point began to count its accounts anew, and this one is over for good.
    """

    account: Account
    added: Octets
    earlier: Account | None = None


class _Counters(NamedTuple):
    """What a record can change of what was counted: the same fields as the account's."""

    total: Octets
    before: Octets
    duration: timedelta
    restarted_at: datetime | None


def follow(account: Account | None, use: Use) -> Followed:
    """Add a record to the account of its device and number; None: there is none yet."""
    started_at = use.started_at
    if account is None:
        return Followed(*_begun(use, started_at))
    if _is_another(account, use, started_at):
        return Followed(*_begun(use, started_at), _over(account))
    counters = _count(account, use)
    return Followed(_noted(counters, account, use, started_at), counters.total.less(account.total))


def close_by_reboot(account: Account, at: datetime) -> Account:
    """Return an account that an access point's restart ended."""
    ended_at = max(at, account.started_at)
    return account._replace(ended_at=ended_at, closed_by=ClosedBy.REBOOT, cause=NAS_REBOOT)


def close_by_silence(account: Account) -> Account:
    """Return an account of which nothing more was heard: it ended when it was last told of."""
    return account._replace(
        ended_at=account.told_at, closed_by=ClosedBy.SILENCE, cause=LOST_CARRIER
    )


def _begun(use: Use, started_at: datetime | None) -> tuple[Account, Octets]:
    total = use.octets or NOTHING
    ended_at, closed_by, cause = None, None, None
    if use.status is _STOP:
        ended_at, closed_by, cause = use.happened_at, _BY_STOP, use.cause
    # One by one here too: naming them takes half as long again.
    account = Account(
        started_at or use.happened_at,
        use.happened_at,
        use.arrived_at,
        total,
        NOTHING,
        use.duration or _NO_TIME,
        None,
        use.session_id,
        ended_at,
        closed_by,
        cause,
    )
    return account, total


def _is_another(account: Account, use: Use, started_at: datetime | None) -> bool:
    """Say whether the access point uses an old number for a new visit of the device."""
    if started_at is None:
        return False
    if account.closed_by is ClosedBy.REBOOT and account.ended_at is not None:
        return started_at >= account.ended_at
    if use.status is not _START:
        return False
    is_over = account.closed_by is _BY_STOP
    return started_at > account.told_at + (REUSED_AFTER if is_over else REUSED_AFTER_SILENCE)


def _over(account: Account) -> Account:
    return account if account.ended_at is not None else close_by_silence(account)


def _count(account: Account, use: Use) -> _Counters:
    """Take the record's counters; who was counted for longer has nothing to learn from it."""
    octets, duration = use.octets, use.duration
    counters = _Counters(account.total, account.before, account.duration, account.restarted_at)
    if octets is None:
        return counters
    if _has_restarted(account, use):
        return _counted_anew(account, octets, use)
    is_overtaken = duration is not None and duration < account.duration
    if is_overtaken or _is_of_before(account, use):
        return counters
    dropped = _overflowed(account, octets, use)
    before = account.before if dropped is NOTHING else account.before.plus(dropped)
    total = account.total.most(octets if before == NOTHING else before.plus(octets))
    return _Counters(total, before, account.duration, account.restarted_at)


def _is_of_before(account: Account, use: Use) -> bool:
    return account.restarted_at is not None and use.happened_at < account.restarted_at


def _has_restarted(account: Account, use: Use) -> bool:
    """Say whether an access point lost its counters, not its number: it counts from later on.

    A record that was overtaken by a later one is shorter and less too, but began with the others.
    """
    if use.duration is None or use.octets is None or use.duration >= account.duration:
        return False
    began_at = use.happened_at - use.duration
    shown = account.total.less(account.before)
    is_less = use.octets.upload < shown.upload or use.octets.download < shown.download
    return is_less and began_at >= account.told_at - _ROUNDING


def _counted_anew(account: Account, octets: Octets, use: Use) -> _Counters:
    duration = use.duration or timedelta()
    total, restarted_at = account.total.plus(octets), use.happened_at - duration
    return _Counters(total, account.total, duration, restarted_at)


def _overflowed(account: Account, octets: Octets, use: Use) -> Octets:
    """Return what counters of 32 bits dropped since: they show less after a longer time."""
    if use.duration is None or use.duration <= account.duration:
        return NOTHING
    shown = account.total if account.before == NOTHING else account.total.less(account.before)
    if octets.upload >= shown.upload and octets.download >= shown.download:
        return NOTHING  # as nearly always
    return Octets(
        _COUNTER if _has_overflowed(shown.upload, octets.upload) else 0,
        _COUNTER if _has_overflowed(shown.download, octets.download) else 0,
    )


def _has_overflowed(shown: int, octets: int) -> bool:
    return octets < shown < _COUNTER and shown - octets > _COUNTER // 2


def _noted(counters: _Counters, account: Account, use: Use, started_at: datetime | None) -> Account:
    """Note what the record tells beside its counters."""
    total, before, duration, restarted_at = counters
    told = None if restarted_at is not None and use.happened_at < restarted_at else use.duration
    ended_at, closed_by, cause = _ending(account, use)
    # One by one: `_replace` takes three times as long.
    return Account(
        min(account.started_at, started_at or account.started_at),
        max(account.told_at, use.happened_at),
        max(account.heard_at, use.arrived_at),
        total,
        before,
        max(duration, told) if told else duration,
        restarted_at,
        use.session_id or account.session_id,
        ended_at,
        closed_by,
        cause,
    )


def _ending(account: Account, use: Use) -> tuple[datetime | None, ClosedBy | None, int | None]:
    """Return when and why the account is over after this record; three times None: it runs."""
    if use.status is _STOP and account.closed_by is not _BY_STOP:
        return use.happened_at, _BY_STOP, use.cause
    is_over = account.closed_by is _BY_STOP
    if not is_over and account.ended_at is not None and use.happened_at > account.ended_at:
        return None, None, None
    return account.ended_at, account.closed_by, account.cause
