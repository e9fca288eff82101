"""Admission: may a device be let in at this site now, and until when?

Not the check of a card or a code, and not a record: a session (session.py) is made of the answer.
The rule to keep: nobody stays past closing time plus grace, and a shorter limit can always be
extended (WCAG 2.2.1; limits over 20 hours are exempt).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.domain.session import EndReason, Ground, Session
from portal.domain.site import LoginMethod, Site

EXTENSION_IS_OFFERED_WITHIN = timedelta(hours=1)
"""On a site without a visit limit, the 21 hours are shown as a limit only when they run out."""

_METHODS = {
    Ground.CARD: LoginMethod.CARD,
    Ground.REMEMBERED: LoginMethod.CARD,
    Ground.VOUCHER: LoginMethod.CODE,
    Ground.ACCEPT: LoginMethod.ACCEPT,
    Ground.OPEN: LoginMethod.NONE,
    Ground.COURTESY: LoginMethod.CARD,
}

_WITHOUT_VISIT_LIMIT = frozenset({Ground.TUTOR, Ground.ALLOWED_DEVICE, Ground.VOUCHER})
"""A voucher brings clocks of its own."""
_WITHOUT_HOURS = frozenset({Ground.ALLOWED_DEVICE})


@dataclass(frozen=True, slots=True)
class Admit:
    """Let in until ``ends_at``, which comes for the reason ``ends_because``."""

    ends_at: datetime
    ends_because: EndReason


@dataclass(frozen=True, slots=True)
class RefuseClosed:
    """The site is closed; ``opens_at`` None: no opening within two weeks."""

    opens_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefuseMethod:
    """The site does not offer this way in."""


@dataclass(frozen=True, slots=True)
class Extended:
    """The session now ends at ``ends_at``, for the reason ``ends_because``."""

    ends_at: datetime
    ends_because: EndReason


@dataclass(frozen=True, slots=True)
class NotExtendable:
    """The session is over, or ends because the library closes."""


def admit(site: Site, ground: Ground, now: datetime) -> Admit | RefuseClosed | RefuseMethod:
    """Say until when a device that shows a good ground may be online.

    During the grace after closing a device is let in for the rest of it: who lost the connection
    then can finish too.
    """
    if ground is Ground.DAY_CODE and not site.code_of_the_day:
        return RefuseMethod()
    method = _METHODS.get(ground)
    if method is not None and method not in site.login_methods:
        return RefuseMethod()
    latest = _latest(site, ground, now)
    if latest is None:
        return RefuseClosed(site.opening_hours.opens_at(now) if site.opening_hours else None)
    length = _visit_length(site, ground)
    if length is None:
        return latest
    return _earlier(Admit(now + length, EndReason.TIME_LIMIT), latest)


def extend(session: Session, site: Site, now: datetime) -> Extended | NotExtendable:
    """Give another visit's length from the present end on, any number of times.

    Only a time limit can be extended, and never beyond closing time plus grace, nor beyond the
    site's longest session counted from now. The minutes of a courtesy are no such limit: they are
    for the check of the card, and a good card then has its ordinary end. Nor is a voucher's time,
    which staff extend.
    """
    over = not session.is_live or now >= session.due_at
    if over or session.ends_because is not EndReason.TIME_LIMIT:
        return NotExtendable()
    if session.ground in {Ground.COURTESY, Ground.VOUCHER}:
        return NotExtendable()
    latest = _latest(site, session.ground, now)
    if latest is None:
        return NotExtendable()
    step = site.time_limit or site.longest_session
    ends = _earlier(Admit(session.ends_at + step, EndReason.TIME_LIMIT), latest)
    if ends.ends_at <= session.ends_at:
        return NotExtendable()
    return Extended(ends.ends_at, ends.ends_because)


def offered_extension(session: Session, site: Site, now: datetime) -> timedelta | None:
    """Say how much longer "extend" would make the session; None: do not offer it now."""
    shown = site.time_limit is not None or session.due_at - now <= EXTENSION_IS_OFFERED_WITHIN
    answer = extend(session, site, now)
    return answer.ends_at - session.ends_at if shown and isinstance(answer, Extended) else None


def latest_end(site: Site, now: datetime) -> datetime | None:
    """Return until when anybody may be online at the site, None while it is closed."""
    latest = _latest(site, Ground.CARD, now)
    return None if latest is None else latest.ends_at


def _visit_length(site: Site, ground: Ground) -> timedelta | None:
    """Return how long a visit on this ground may be, None for no limit of its own."""
    if ground is Ground.COURTESY:
        return site.courtesy_length
    return None if ground in _WITHOUT_VISIT_LIMIT else site.time_limit


def _latest(site: Site, ground: Ground, now: datetime) -> Admit | None:
    """Return the latest end that the site allows at all, None when it is closed."""
    longest = Admit(now + site.longest_session, EndReason.TIME_LIMIT)
    if site.opening_hours is None or ground in _WITHOUT_HOURS:
        return longest
    if site.opening_hours.is_open(now):
        closes_at = site.opening_hours.closes_at(now)
        if closes_at is None:
            return longest
        return _earlier(longest, Admit(closes_at + site.closing_grace, EndReason.CLOSING_TIME))
    closed_at = site.opening_hours.last_closed_at(now)
    if closed_at is None or now >= closed_at + site.closing_grace:
        return None
    return Admit(closed_at + site.closing_grace, EndReason.CLOSING_TIME)


def _earlier(limit: Admit, latest: Admit) -> Admit:
    """Return the end that comes first; at the same time, the later bound names the reason."""
    return limit if limit.ends_at < latest.ends_at else latest


def closing_end(site: Site, now: datetime) -> datetime | None:
    """Return when closing time ends sessions at the site: now where it did; None: never."""
    if site.opening_hours is None:
        return None
    latest = _latest(site, Ground.TUTOR, now)
    if latest is None:
        return now
    return latest.ends_at if latest.ends_because is EndReason.CLOSING_TIME else None
