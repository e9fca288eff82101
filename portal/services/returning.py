"""Coming back: who may be let in without being asked for anything, found many at a time.

Not a sign-in, so nothing is granted that was not granted before: a session that runs, the ticket
of one that ended against its owner's wish, or the memory that the owner asked for. The rule to
keep: a few questions to the database for up to a hundred devices, and a device that is not found
costs no more than its share of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from portal.domain.admission import Admit, admit
from portal.domain.identity import Device, MacAddress
from portal.domain.returning import Proof, RememberedDevice, Return, comes_back, visited
from portal.domain.session import Claim, Session
from portal.services.doors import Doors
from portal.services.gatekeeping import close_gate, remaining_s
from portal.services.opening import opening_of
from portal.services.ports.returning import Known
from portal.services.remembered import names_of

MOST_AT_ONCE = 100
"""Devices a question; a hundred take the database hardly longer than one."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Permission:
    """Why a device without a session may have one again, and until when."""

    by: Return
    until: Admit
    remembered: RememberedDevice | None
    pressed: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What a device without a session may have: by itself, and by its guest's press."""

    unasked: Permission | None = None
    pressed: Permission | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """A device that is not let through here, and the session, or what else, that it may be."""

    device: Device
    why: Session | Permission


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
            KeyRingError: the same, for want of this week's key.
        """
        sessions = await self._doors.sessions.of_devices([device.mac for device in devices])
        without = [device for device in devices if device.mac not in sessions]
        offers = await self.offers(without, now)
        found: dict[MacAddress, Recognised] = {}
        for device in devices:
            why = sessions.get(device.mac) or offers.get(device.mac, Offer()).unasked
            is_over = isinstance(why, Session) and now >= why.due_at
            if why is not None and not is_over:
                found[device.mac] = Recognised(device, why)
        return found

    async def offers(self, devices: Sequence[Device], now: datetime) -> Mapping[MacAddress, Offer]:
        """Return what these devices, which have no session, may have; raises as `recognise`."""
        if not devices:
            return {}
        names = {device.mac: names_of(self._doors.keys, device, now) for device in devices}
        known = await self._doors.returns.known(names, now)
        return {
            device.mac: Offer(
                self._permission(device, known[device.mac], now, pressed=False),
                self._permission(device, known[device.mac], now, pressed=True),
            )
            for device in devices
            if device.mac in known
        }

    async def let_in(self, found: Recognised, now: datetime) -> Session | None:
        """Open the gate to a device; None when what let it in is gone meanwhile.

        Raises:
            GateUnavailableError: the gate did not confirm; a new session stands all the same.
            DatabaseUnavailableError: it has no session, or is in and not noted at this site: then
                the next comparison may put it out.
            KeyRingError: it has no session.
        """
        device, session = found.device, found.why
        if isinstance(session, Permission):
            begun = await self._take_up(device, session, now)
            if begun is None:
                return None
            session = begun
        # First the gate: the device's own probe is on its way. A comparison in between leaves whom
        # the gate has just let in.
        gate = self._doors.gate_at(device.site_id)
        await gate.admit(device.mac, remaining_s(session.due_at, now))
        if session.site_id != device.site_id:
            await self._doors.sessions.admit_at(session.id, device.site_id)
        _log.info(
            "device_returned",
            session=str(session.id),
            site=device.site_id,
            ground=session.ground,
        )
        return session

    def _permission(
        self, device: Device, known: Known, now: datetime, *, pressed: bool
    ) -> Permission | None:
        by = comes_back(known.ticket, known.remembered, now, pressed=pressed)
        if by is None:
            return None
        until = admit(self._doors.sites[device.site_id], by.ground, now)
        if not isinstance(until, Admit):
            return None
        remembered = known.remembered if by.proof is Proof.REMEMBERED else None
        return Permission(by, until, remembered, pressed)

    async def _take_up(
        self, device: Device, permission: Permission, now: datetime
    ) -> Session | None:
        by, keys = permission.by, self._doors.keys
        claim = Claim(by.ground, by.subject)
        opening = opening_of(self._doors, device, claim, permission.until, now)
        remembered, name = permission.remembered, keys.device(device.mac, now)
        after = None if remembered is None else visited(remembered, name, now)
        before = name if remembered is None else remembered.name
        started = await self._doors.returns.take_up(
            opening, after, before, pressed=permission.pressed
        )
        if started is None:
            return None
        await close_gate(self._doors.gate, started.put_out)
        return started.session
