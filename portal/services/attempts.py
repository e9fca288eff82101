"""Sign-in attempts: reserve one, or say how long to wait; write down how it went.

Not the limits themselves (portal/domain/sign_in_limits.py). The rule to keep: the library system
is asked only under a reservation, which counts as wrong until it is settled.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from portal.domain.identity import Device, MacAddress, Subject
from portal.domain.sign_in_limits import Allowed, Busy, UseCodeOrStaff, Wait, judge
from portal.services.doors import Doors
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import DatabaseUnavailableError, Event, EventKind

ALARM_PAUSE = timedelta(minutes=10)
"""One alarm for the ten minutes that it speaks of."""

BUSY_PATIENCE_S = 8.0
"""The longest that one check of a card takes."""

BUSY_PAUSE_S = 0.1

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reserved:
    """The library system may be asked once. ``device`` is its hash under the live key."""

    id: int
    device: Subject
    allowed: Allowed


class AttemptDesk:
    """Where an attempt is asked for before the library system is."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._last_alarm: dict[str, datetime] = {}

    async def reserve(self, card: Subject, device: Device, now: datetime) -> Reserved | Refused:
        """Reserve an attempt, after the pause that a site under attack asks for.

        While others with the same card are being checked, wait for them: a class with one card
        are no guessers.

        Raises:
            DatabaseUnavailableError: nothing may be asked now.
        """
        name = self._name(device, now)
        for _ in range(int(BUSY_PATIENCE_S / BUSY_PAUSE_S)):
            answer = await self._reserve_once(card, name, device, now)
            if not isinstance(answer, Busy):
                return answer
            await asyncio.sleep(BUSY_PAUSE_S)
        return Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=now + timedelta(minutes=1))

    def _name(self, device: Device, now: datetime) -> Subject:
        """Return what attempts of a device are counted under.

        One that only says which it is has the budget of strangers, each time: else whoever knows
        its address could use up, or use, what is kept for the device that knows the card.
        """
        name = device.mac if device.is_vouched else MacAddress(uuid4().hex)
        return self._doors.keys.device(name, now)

    async def _reserve_once(
        self, card: Subject, name: Subject, device: Device, now: datetime
    ) -> Reserved | Refused | Busy:
        doors = self._doors
        reservation = await doors.attempts.reserve(card, name, device.site_id, now)
        verdict = judge(reservation.tally, doors.limits, now)
        if isinstance(verdict, Allowed):
            await self._slow_down(verdict, device, now)
            return Reserved(reservation.id, name, verdict)
        await doors.attempts.release(reservation.id)
        match verdict:
            case Wait(until):
                return Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=until)
            case UseCodeOrStaff():
                return Refused(RefusalReason.TOO_MANY_ATTEMPTS)
            case Busy():
                return verdict

    async def _slow_down(self, allowed: Allowed, device: Device, now: datetime) -> None:
        if allowed.alarm and self._is_new_alarm(device, now):
            _log.warning("many_wrong_pins_seen", site=device.site_id)
            with suppress(DatabaseUnavailableError):  # logged above; the attempt goes on
                await self._doors.events.record(
                    Event(EventKind.MANY_WRONG_PINS, device.site_id, now)
                )
        if allowed.delay_s:
            await asyncio.sleep(allowed.delay_s)

    def _is_new_alarm(self, device: Device, now: datetime) -> bool:
        last = self._last_alarm.get(device.site_id)
        if last is not None and timedelta(0) <= now - last < ALARM_PAUSE:
            return False
        self._last_alarm[device.site_id] = now
        return True
