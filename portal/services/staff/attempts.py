"""Staff's attempts to sign in: make one under a reservation, or say how long to wait.

Not the limits themselves (portal/domain/staff_limits.py). The rule to keep: nothing is checked but
under a reservation, which counts as wrong until it is settled.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from portal.domain.staff_limits import judge
from portal.services.ports import EventKind
from portal.services.ports.staff import AttemptKind
from portal.services.staff.doors import StaffDoors
from portal.services.staff.passwords import PasswordsBusyError

ALARM_PAUSE = timedelta(minutes=10)
"""One alarm for all that is tried meanwhile."""

_BUSY_PAUSE = timedelta(seconds=10)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MustWait:
    """Too early: nothing was checked. The same may be tried again then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """What was checked, and whether it was right."""

    right: bool


@dataclass(slots=True)
class StaffAttemptDesk:
    """Where an attempt is asked for before anything is checked."""

    doors: StaffDoors
    _last_alarm: datetime | None = field(default=None, init=False)

    async def attempt(
        self,
        kind: AttemptKind,
        name: bytes,
        place: str,
        check: Callable[[], Awaitable[bool]],
        now: datetime,
    ) -> Tried | MustWait:
        """Check under a reservation.

        Raises:
            DatabaseUnavailableError: nothing was checked, or what was checked does not count.
        """
        attempts = self.doors.attempts
        reservation = await attempts.reserve(name, self.doors.keys.place(place), kind, now)
        verdict = judge(reservation.tally, now)
        if verdict.alarm:
            await self._raise_alarm(kind, now)
        if verdict.wait_until is not None:
            await attempts.release(reservation.id)
            return MustWait(verdict.wait_until)
        try:
            right = await check()
        except PasswordsBusyError:
            await attempts.release(reservation.id)
            return MustWait(now + _BUSY_PAUSE)
        await attempts.settle(reservation.id, right=right)
        return Tried(right)

    async def _raise_alarm(self, kind: AttemptKind, now: datetime) -> None:
        if self._last_alarm is not None and timedelta(0) <= now - self._last_alarm < ALARM_PAUSE:
            return
        self._last_alarm = now
        _log.warning("many_wrong_staff_sign_ins_seen", of=kind.value)
        await self.doors.tell(EventKind.MANY_WRONG_STAFF_SIGN_INS, now, of=kind.value)
