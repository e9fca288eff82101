"""Signing out: the guest ends the session of this device.

Not the other ends (time, staff). The rule to keep: what the guest asked for is the outcome, whether
or not there was a session.
"""

from datetime import datetime

import structlog

from portal.domain.identity import Device
from portal.domain.session import EndReason
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import close_gate
from portal.services.key_files import KeyRingError
from portal.services.ports.spool import UnwrittenSignOut
from portal.services.remembered import Remembered, names_of
from portal.services.spooling import keep

_log = structlog.get_logger()


async def sign_out(doors: Doors, device: Device, now: datetime) -> bool:
    """End the device's session and close the gate; False when that cannot be remembered.

    While the database is away the wish is kept on disk: the keeper ends the session before it
    compares, so that nobody is let in again who has logged out.
    """
    try:
        await Remembered(doors).paused(device, now)
        session = await doors.sessions.find(device.mac)
        if session is not None:
            await doors.sessions.end(session.id, EndReason.LOGGED_OUT, now)
            _log.info("session_ended", session=str(session.id), reason=EndReason.LOGGED_OUT)
    except STORE_ERRORS as error:
        _log.warning("store_failed", during="sign_out", reason=str(error))
        if not await keep_sign_out(doors, device, now):
            return False
    await close_gate(doors.gate_at(device.site_id), [device.mac])
    return True


async def keep_sign_out(doors: Doors, device: Device, now: datetime) -> bool:
    """Keep the wish on disk; False when that was not possible either."""
    try:
        names = names_of(doors.keys, device, now)
    except KeyRingError as error:
        _log.warning("store_failed", during="sign_out", reason=str(error))
        return False
    until = doors.sites[device.site_id].end_of_day(now)
    return await keep(doors.spool, UnwrittenSignOut(device, now, names, until))
