"""PURE: what an access point should do about a device, and how often that is said in vain.

Not the saying (dynamic_desk.py). The rule to keep: a wish follows from the session and from what
the access point was told last, and from nothing else, so that it is the same however often it is
looked for; what is not known of a grant counts as wrong, and is said once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.live_picture import Change
from portal.services.ports.live import SAME_END, Place
from radius_bridge.vendors.family import DynamicVerb
from radius_bridge.vendors.standard import PORTAL_TIMEOUT_S

HEARD_WITHIN = timedelta(hours=24)
"""A device that no access point has told of for longer is somewhere else."""

AT_PORTAL_WITHIN = timedelta(seconds=PORTAL_TIMEOUT_S + 120)
"""So long after a device was sent to the portal its access point is told again to let it in: as
long as the redirect holds, and what the access point takes to ask again."""

FIRST_PAUSE = timedelta(seconds=25)
LONGEST_PAUSE = timedelta(minutes=10)
"""Between tries in vain. A revoked device is told of until its access point agrees: a line that is
down for a night comes back. The first is over when the next comparison comes (30 s)."""

LONGEST_DOUBLING = 5
"""From the first pause that is beyond the longest."""

TRIES_KEPT = timedelta(hours=1)
"""Longer than any pause: nobody wishes this any more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an access point should do about a device, and because of which session."""

    verb: DynamicVerb
    session: Session | None


def wish_of(place: Place, session: Session | None, now: datetime, *, is_news: bool) -> Wish | None:
    """Say what is to be done about a device at an access point; None: nothing.

    Who logs in (``is_news``) is let in however long ago the redirect was. A new end is wished until
    the session is over, and who cannot be told it until the old one has come.
    """
    if session is None:
        return Wish(DynamicVerb.EXPEL, None) if place.let_in else None
    if not place.let_in:
        within = HEARD_WITHIN if is_news else AT_PORTAL_WITHIN
        is_waiting = now - place.heard_at < within
        return Wish(DynamicVerb.ADMIT, session) if is_waiting else None
    if _knows_the_end(place, session) and not _would_drop(place, session, now):
        return None
    return Wish(DynamicVerb.CHANGE, session)


def matters(change: Change) -> bool:
    """Say whether anything changed that an access point is told of: not counters."""
    before, after = change.before, change.after
    if before is None or after is None:
        return True
    return _told_of(before) != _told_of(after)


def _told_of(session: Session) -> tuple[object, ...]:
    return session.id, session.due_at, session.protected_until


def _knows_the_end(place: Place, session: Session) -> bool:
    until = place.granted_until
    return until is not None and abs(session.due_at - until) <= SAME_END


def _would_drop(place: Place, session: Session, now: datetime) -> bool:
    """Say whether the access point may drop a device for its silence while a tutor holds it."""
    return session.is_protected(now) and place.has_idle_timeout is not False


@dataclass(frozen=True, slots=True)
class _Tried:
    count: int
    last_at: datetime

    @property
    def again_at(self) -> datetime:
        doublings = min(self.count - 1, LONGEST_DOUBLING)
        return self.last_at + min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


class Tries:
    """How often something was said in vain: of which device, what, to which access point."""

    def __init__(self) -> None:
        self._tried: dict[tuple[MacAddress, DynamicVerb, tuple[str, bytes]], _Tried] = {}

    def __len__(self) -> int:
        return len(self._tried)

    def take(self, place: Place, verb: DynamicVerb, now: datetime) -> bool:
        """Say whether it is time, and count the try; who is heard of again begins anew."""
        key = (place.mac, verb, place.key)
        tried = self._tried.get(key)
        if tried is None or place.heard_at > tried.last_at:
            self._tried[key] = _Tried(1, now)
            return True
        if now < tried.again_at:
            return False
        self._tried[key] = _Tried(tried.count + 1, now)
        return True

    def give_back(self, place: Place, verb: DynamicVerb) -> None:
        """Forget the tries: it was heard, or nothing was sent."""
        self._tried.pop((place.mac, verb, place.key), None)

    def leave_long(self, place: Place, verb: DynamicVerb, now: datetime) -> None:
        """Try again after the longest pause: the access point cannot do it."""
        self._tried[place.mac, verb, place.key] = _Tried(LONGEST_DOUBLING + 1, now)

    def forget(self, macs: Iterable[MacAddress]) -> None:
        """Begin anew with these devices."""
        gone = set(macs)
        self._tried = {key: one for key, one in self._tried.items() if key[0] not in gone}

    def tidy(self, now: datetime) -> None:
        """Forget what nobody wishes any more."""
        kept = self._tried.items()
        self._tried = {key: one for key, one in kept if now - one.last_at < TRIES_KEPT}
