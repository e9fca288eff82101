"""What is written down about a sign-in that was refused.

Not the refusal itself. The rule to keep: what only serves the record never changes the answer; an
attempt that could not be settled goes on counting as wrong, which is the safe side.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog

from portal.domain.identity import Device
from portal.domain.verification import Verification
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.key_files import KeyRingError
from portal.services.outcomes import RefusalReason
from portal.services.ports import DatabaseUnavailableError, Event, EventKind, Trace
from portal.services.spooling import keep

_ALARMS = frozenset({Verification.NOT_VERIFIED, Verification.REFUSED_BY_SERVER})

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RefusalRecord:
    """Writes attempts, events and the steps that the desk sees."""

    doors: Doors

    async def by_library(
        self,
        device: Device,
        attempt: int,
        verification: Verification,
        reason: RefusalReason,
        now: datetime,
    ) -> None:
        """Settle the attempt; add the step and the event, and the alarm where IT must look.

        A library system that is away is told of once, by its circuit breaker: it costs a guest
        nothing to ask for it hundreds of times a second.
        """
        events = self._events(device, verification, reason, now)
        try:
            await self.doors.attempts.settle(attempt, verification)
            await self.doors.arrivals.add_step(device, reason, now)
            for event in events:
                await self.doors.events.record(event)
        except STORE_ERRORS as error:
            _log.warning("refusal_not_recorded", site=device.site_id, reason=str(error))
            for event in events:  # written perhaps: its origin makes it one all the same
                await keep(self.doors.spool, event)

    async def by_outage(self, device: Device, now: datetime) -> None:
        """Keep on disk that the device was turned away because the database is away."""
        why = RefusalReason.SERVICE_DOWN
        trace = self._trace(device, now)
        event = Event(EventKind.SIGN_IN_REFUSED, device.site_id, now, trace, {"reason": why.value})
        await keep(self.doors.spool, event)

    async def by_limits(self, device: Device, reason: RefusalReason, now: datetime) -> None:
        """Add the step only: a flood of guesses that reach nobody must not fill the log."""
        try:
            await self.doors.arrivals.add_step(device, reason, now)
        except DatabaseUnavailableError as error:
            _log.warning("refusal_not_recorded", site=device.site_id, reason=str(error))

    def _events(
        self, device: Device, verification: Verification, reason: RefusalReason, now: datetime
    ) -> list[Event]:
        site_id = device.site_id
        if verification is Verification.UNAVAILABLE:
            return []
        _log.info("sign_in_refused", site=site_id, reason=reason)
        why = {"reason": reason.value}
        events = [Event(EventKind.SIGN_IN_REFUSED, site_id, now, self._trace(device, now), why)]
        if verification in _ALARMS:
            _log.error("library_system_misbehaved", site=site_id, answer=verification)
            answer = {"answer": verification.value}
            kind = EventKind.LIBRARY_SYSTEM_MISBEHAVED
            events.append(Event(kind, site_id, now, detail=answer))
        return events

    def _trace(self, device: Device, now: datetime) -> Trace | None:
        """Return the device's name in history; None without a key: the event counts still."""
        try:
            return self.doors.keys.trace(device.mac, None, now)
        except KeyRingError as error:
            _log.warning("event_without_trace", site=device.site_id, reason=str(error))
            return None
