"""Coming back: who may be let in without a page, found many at a time.

Not a sign-in: nothing is asked of the guest, so nothing is granted that was not granted before.
The rule to keep: one question to the database for up to a hundred devices, and a device that is
not found costs no more than its share of that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from portal.domain.identity import Device, MacAddress
from portal.domain.session import Session
from portal.services.doors import Doors
from portal.services.gatekeeping import remaining_s

MOST_AT_ONCE = 100
"""Devices a question; a hundred take the database hardly longer than one."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Recognised:
    """A device that is not let through here, and the session that says it may be."""

    device: Device
    session: Session


class Returning:
    """Finds and lets in the devices of one node. ``now`` is aware and in UTC everywhere."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def recognise(
        self, devices: Sequence[Device], now: datetime
    ) -> Mapping[MacAddress, Recognised]:
        """Return those of at most MOST_AT_ONCE devices that may be let in.

        Raises:
            DatabaseUnavailableError: nobody could be looked for.
        """
        sessions = await self._doors.sessions.of_devices([device.mac for device in devices])
        return {
            device.mac: Recognised(device, sessions[device.mac])
            for device in devices
            if device.mac in sessions and now < sessions[device.mac].due_at
        }

    async def let_in(self, found: Recognised, now: datetime) -> None:
        """Open the gate to a device, and note it where its session began at another site.

        The gate comes first: the device's own probe is on its way. A comparison in between leaves
        whom the gate has just let in.

        Raises:
            GateUnavailableError: the gate did not confirm.
            DatabaseUnavailableError: the device is in, and the next comparison may put it out.
        """
        session, device = found.session, found.device
        await self._doors.gate.admit(device.mac, remaining_s(session.due_at, now))
        if session.site_id != device.site_id:
            await self._doors.sessions.admit_at(session.id, device.site_id)
        _log.info("device_returned", session=str(session.id), site=device.site_id)
