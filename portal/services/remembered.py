"""Remembered devices: what their owners, and staff at the desk, do with that memory.

Not the coming back (returning.py). The rule to keep: a device is remembered only because its owner
ticked a box beside card and PIN, and all of a card's devices are shown only to who has shown the
card in this session: a MAC address can be imitated.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from portal.domain.identity import Device, Secret, SiteId
from portal.domain.returning import MOST_REMEMBERED, RememberedDevice, expires_at
from portal.domain.session import Ground, Session
from portal.domain.verification import Verification
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.gatekeeping import close_gate
from portal.services.key_ring import KeyRing
from portal.services.ports.returning import Names
from portal.services.ports.tutoring import Tutored

NO_LONGER_GOOD = frozenset({Verification.BLOCKED, Verification.EXPIRED})
"""Said beside a right PIN only: nobody can have another's devices forgotten by guessing."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Remembered:
    """The memory of devices, for guests and for sign-in."""

    doors: Doors

    async def remember(self, device: Device, session: Session, label: str, now: datetime) -> None:
        """Remember a device whose owner has just shown the card; never raises.

        Not while that could not be checked (a courtesy), and so nobody can say whose it is.
        """
        if session.subject is None:
            return
        names = self.doors.keys.devices(device.mac, now)
        new = RememberedDevice(
            id=uuid4(),
            name=names[0],
            subject=session.subject,
            label=label,
            added_at=now,
            named_at=now,
            last_visit_at=now,
            expires_at=expires_at(now, now),
        )
        try:
            await self.doors.returns.remember(new, names, MOST_REMEMBERED)
        except STORE_ERRORS as error:
            _log.warning("device_not_remembered", reason=str(error))

    async def card_was_shown(self, card: Secret, now: datetime) -> None:
        """Call the card's devices by its name of this year, while last year's is known still.

        Raises:
            DatabaseUnavailableError: not done; the next sign-in does it.
        """
        new, *old = self.doors.keys.cards(card, now)
        for subject in old:
            await self.doors.returns.rename(subject, new, now)

    async def card_is_no_good(self, card: Secret, now: datetime) -> None:
        """Forget all devices of a card that is blocked or has expired, and put them out.

        Raises:
            DatabaseUnavailableError: not done; the next refusal of the card does it.
        """
        put_out = await self.doors.returns.forget_card(self.doors.keys.cards(card, now), now)
        await close_gate(self.doors.gate, put_out)

    async def paused(self, device: Device, now: datetime) -> None:
        """Let a device whose guest has just logged out not come back without a card today.

        Raises:
            DatabaseUnavailableError: not done.
            KeyRingError: the same, for want of this week's key.
        """
        until = self.doors.sites[device.site_id].end_of_day(now)
        await self.doors.returns.pause(names_of(self.doors.keys, device, now), until)

    async def here(self, device: Device, now: datetime) -> RememberedDevice | None:
        """Return this device if it is remembered.

        Raises:
            DatabaseUnavailableError: nobody knows.
        """
        names = Names(b"", self.doors.keys.devices(device.mac, now))
        known = await self.doors.returns.known({device.mac: names}, now)
        return known[device.mac].remembered if device.mac in known else None

    async def listed(self, session: Session, now: datetime) -> list[RememberedDevice] | None:
        """Return all devices of the card shown in this session; None: none was shown.

        Raises:
            DatabaseUnavailableError: nobody knows.
        """
        if session.ground is not Ground.CARD or session.subject is None:
            return None
        return await self.doors.returns.of_subject(session.subject, now)

    async def forget_here(self, device: Device, now: datetime) -> None:
        """Forget this device; harmless when it is not remembered.

        Raises:
            DatabaseUnavailableError: not done.
        """
        await self.doors.returns.forget(self.doors.keys.devices(device.mac, now))

    async def forget_listed(self, session: Session, device_id: UUID) -> None:
        """Forget one of the devices that `listed` shows; harmless when it is none of them.

        Raises:
            DatabaseUnavailableError: not done.
        """
        if session.ground is Ground.CARD and session.subject is not None:
            await self.doors.returns.forget_of(session.subject, device_id)


def names_of(keys: KeyRing, device: Device, now: datetime) -> Names:
    """Return what a device is called now.

    Raises:
        KeyRingError: there is no key for this week's history.
    """
    return Names(keys.trace(device.mac, None, now).device, keys.devices(device.mac, now))


@dataclass(frozen=True, slots=True)
class RememberedAtDesk:
    """What staff do for a visitor who shows a device."""

    doors: Doors
    tutored: Tutored

    async def forget_device(
        self, site_id: SiteId, number: int, staff_name: str, now: datetime
    ) -> bool:
        """Forget the device that shows this number, or is tutored under it; it stays online.

        False: no such device, or it was not remembered.

        Raises:
            DatabaseUnavailableError: not done.
        """
        mac = await self.tutored.device(site_id, number, now)
        if mac is None:
            session = await self.tutored.find(site_id, number)
            mac = session.mac if session else None
        if mac is None:
            return False
        names = self.doors.keys.devices(mac, now)
        return await self.doors.returns.forget_for_staff(names, site_id, number, staff_name, now)
