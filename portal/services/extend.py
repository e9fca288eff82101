"""Extending: one press gives another visit's length, any number of times (WCAG 2.2.1).

Not the rule of how far (portal/domain/admission.py). The rule to keep: two presses at once are one
extension, and both are told the same end.
"""

from datetime import datetime

import structlog

from portal.domain.admission import NotExtendable
from portal.domain.admission import extend as decide_extension
from portal.domain.identity import Device
from portal.domain.session import Session
from portal.services.doors import Doors
from portal.services.gatekeeping import open_gate
from portal.services.outcomes import RefusalReason, Refused
from portal.services.ports import DatabaseUnavailableError

_log = structlog.get_logger()


async def extend(doors: Doors, device: Device, now: datetime) -> Session | Refused:
    """Prolong the device's session in the database, then at the gate.

    A gate that does not answer is no refusal: the keeper carries the new end there in time.
    """
    try:
        outcome = await _extend(doors, device, now)
    except DatabaseUnavailableError as error:
        _log.warning("store_failed", during="extend", reason=str(error))
        return Refused(RefusalReason.SERVICE_DOWN)
    if isinstance(outcome, Session):
        await open_gate(doors.gate_at(device.site_id), outcome, now)
    return outcome


async def _extend(doors: Doors, device: Device, now: datetime) -> Session | Refused:
    session = await doors.sessions.find(device.mac)
    if session is None or now >= session.due_at:
        return Refused(RefusalReason.NOT_ONLINE)
    answer = decide_extension(session, doors.site_of(session, device), now)
    if isinstance(answer, NotExtendable):
        return Refused(RefusalReason.NOT_EXTENDABLE)
    longer = await doors.sessions.extend(session, answer.ends_at, answer.ends_because, now)
    if longer is None:  # another press was faster, or the session just ended
        longer = await doors.sessions.find(device.mac)
    if longer is None:
        return Refused(RefusalReason.NOT_ONLINE)
    _log.info("session_extended", session=str(longer.id), ends_at=longer.ends_at.isoformat())
    return longer
