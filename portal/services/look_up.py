"""Looking up: is this device online, and if not, what is its number and why did it end?

Not a decision: a session that is due counts as over here, and the keeper ends it. The rule to
keep: when the database is away, a device that this process saw online is still said to be online,
for the kernel lets it through; a phone told otherwise would leave the network by itself.
"""

from collections import OrderedDict
from datetime import datetime

import structlog

from portal.domain.admission import offered_extension
from portal.domain.identity import Device, MacAddress
from portal.domain.session import Session
from portal.services.courtesy import Courtesy
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import open_gate
from portal.services.outcomes import Captive, Online, Standing
from portal.services.ports import GateUnavailableError
from portal.services.returning import Offer, Permission, Recognised, Returning

MOST_REMEMBERED = 20_000
"""Devices: as many as a gate admits. About 1 kB each at the very most."""

_log = structlog.get_logger()


class LookUp:
    """Answers where a device stands."""

    def __init__(self, doors: Doors, courtesy: Courtesy | None = None) -> None:
        self._doors = doors
        self._courtesy = courtesy
        self._returning = Returning(doors)
        self._seen_online: OrderedDict[MacAddress, Session] = OrderedDict()

    async def standing(self, device: Device, now: datetime, kind: str = "") -> Standing:
        """Say where the device stands; a captive one counts among those waiting, as a ``kind``."""
        try:
            session = await self._find(device, now)
            offer = Offer()
            if session is None and device.is_vouched:
                offer = (await self._returning.offers([device], now)).get(device.mac, offer)
                session = await self._come_back(device, offer.unasked, now)
            if session is None or now >= session.due_at:
                self.forget(device)
                number = await self._doors.arrivals.see(device, now, kind)
                return await self._captive(device, number, now, offer)
            self.remember(session)
            await self._follow(session, device, now)
        except STORE_ERRORS as error:
            _log.warning("store_failed", during="look_up", reason=str(error))
            return self._from_memory(device, now)
        site = self._doors.site_of(session, device)
        return Online(session, offered_extension(session, site, now))

    def forget(self, device: Device) -> None:
        """Drop what is remembered of the device: it was just signed out, or is not online."""
        self._seen_online.pop(device.mac, None)

    async def number(
        self, session: Session, device: Device, now: datetime, kind: str
    ) -> int | None:
        """Return the number by which a tutor may name this device that is online; None: unknown."""
        if session.tutored_as is not None and session.site_id == device.site_id:
            return session.tutored_as
        try:
            return await self._doors.arrivals.see(device, now, kind, is_online=True)
        except STORE_ERRORS as error:
            _log.warning("store_failed", during="number", reason=str(error))
            return None

    async def _captive(
        self, device: Device, number: int | None, now: datetime, offer: Offer
    ) -> Captive:
        doors = self._doors
        since = doors.sites[device.site_id].start_of_day(now)
        traces = doors.keys.recent_traces(device.mac, now)
        last = await doors.sessions.last_end(traces, since)
        may_continue = offer.pressed is not None
        if last is None:
            return Captive(number, may_continue=may_continue)
        return Captive(number, last.reason, may_continue=may_continue, last_ground=last.ground)

    async def _come_back(
        self, device: Device, permission: Permission | None, now: datetime
    ) -> Session | None:
        """Let the device in that comes back by itself and whose page was faster than all else."""
        if permission is None:
            return None
        try:
            return await self._returning.let_in(Recognised(device, permission), now)
        except GateUnavailableError:
            return await self._doors.sessions.find(device.mac)

    async def _follow(self, session: Session, device: Device, now: datetime) -> None:
        """Open this site's gate to a device whose session began at another site, and note it."""
        if session.site_id != device.site_id:
            await self._doors.sessions.admit_at(session.id, device.site_id)
            await open_gate(self._doors.gate_at(device.site_id), session, now)

    async def _find(self, device: Device, now: datetime) -> Session | None:
        """Find the device's session, also while it stands on disk only."""
        session = await self._doors.sessions.find(device.mac)
        if self._courtesy is None:
            return session
        if session is None:
            return self._courtesy.unwritten(device.mac, now)
        self._courtesy.written(device.mac)
        return session

    def remember(self, session: Session) -> None:
        """Note that the device is online, for when nobody can be asked."""
        self._seen_online[session.mac] = session
        self._seen_online.move_to_end(session.mac)
        if len(self._seen_online) > MOST_REMEMBERED:
            self._seen_online.popitem(last=False)

    def _from_memory(self, device: Device, now: datetime) -> Standing:
        session = self._seen_online.get(device.mac)
        if session is None or now >= session.due_at:
            return Captive(number=None, is_certain=False)
        return Online(session)
