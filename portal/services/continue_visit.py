"""Continuing: one press takes up a visit that ended by its limit, or of a remembered device.

Not the rule (portal/domain/returning.py). The rule to keep: what is offered no longer is refused
like a device that has no session, and the page then shows the ordinary ways in.
"""

from datetime import datetime

import structlog

from portal.domain.identity import Device
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.outcomes import Admitted, RefusalReason, Refused, SignInOutcome
from portal.services.ports import GateUnavailableError
from portal.services.returning import Offer, Recognised, Returning

_log = structlog.get_logger()


async def continue_visit(doors: Doors, device: Device, now: datetime) -> SignInOutcome:
    """Let the device in again; refused NOT_ONLINE where that is not offered, or SERVICE_DOWN."""
    try:
        session = await _again(doors, device, now)
    except (GateUnavailableError, *STORE_ERRORS) as error:
        _log.warning("store_failed", during="continue", reason=type(error).__name__)
        return Refused(RefusalReason.SERVICE_DOWN)
    return session or Refused(RefusalReason.NOT_ONLINE)


async def _again(doors: Doors, device: Device, now: datetime) -> Admitted | None:
    running = await doors.sessions.find(device.mac)
    if running is not None and now < running.due_at:
        return Admitted(running)
    if not device.is_vouched:
        return None
    returning = Returning(doors)
    offer = (await returning.offers([device], now)).get(device.mac, Offer())
    if offer.pressed is None:
        return None
    session = await returning.let_in(Recognised(device, offer.pressed), now)
    return None if session is None else Admitted(session)
