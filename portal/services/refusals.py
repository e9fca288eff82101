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
from portal.services.outcomes import RefusalReason
from portal.services.ports import DatabaseUnavailableError, Event, EventKind

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
        try:
            await self.doors.attempts.settle(attempt, verification)
            await self.doors.arrivals.add_step(device, reason, now)
            if verification is not Verification.UNAVAILABLE:
                _log.info("sign_in_refused", site=device.site_id, reason=reason)
                await self._record_events(device, verification, reason, now)
        except STORE_ERRORS as error:
            _log.warning("refusal_not_recorded", site=device.site_id, reason=str(error))

    async def by_limits(self, device: Device, reason: RefusalReason, now: datetime) -> None:
        """Add the step only: a flood of guesses that reach nobody must not fill the log."""
        try:
            await self.doors.arrivals.add_step(device, reason, now)
        except DatabaseUnavailableError as error:
            _log.warning("refusal_not_recorded", site=device.site_id, reason=str(error))

    async def _record_events(
        self, device: Device, verification: Verification, reason: RefusalReason, now: datetime
    ) -> None:
        events, site_id = self.doors.events, device.site_id
        trace = self.doors.keys.trace(device.mac, None, now)
        why = {"reason": reason.value}
        await events.record(Event(EventKind.SIGN_IN_REFUSED, site_id, now, trace, why))
        if verification in _ALARMS:
            _log.error("library_system_misbehaved", site=site_id, answer=verification)
            answer = {"answer": verification.value}
            await events.record(
                Event(EventKind.LIBRARY_SYSTEM_MISBEHAVED, site_id, now, detail=answer)
            )
