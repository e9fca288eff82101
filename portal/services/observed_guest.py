"""The guest's side of the portal, with somebody who counts what becomes of each try.

Not the use cases themselves (guest.py). The rule to keep: counting changes no answer.
"""

from datetime import datetime
from typing import TypeVar

from portal.domain.identity import Device, Secret, SiteId
from portal.domain.session import Ground
from portal.services.courtesy import Courtesy
from portal.services.doors import Doors
from portal.services.first_sight import FirstSight
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Captive, Online, Refused, SignInOutcome, Standing
from portal.services.ports.observing import SignInObserver
from portal.services.threshold import Threshold
from portal.services.typed_codes import means_voucher

_Outcome = TypeVar("_Outcome", bound=SignInOutcome)


class ObservedGuest(GuestService):
    """See GuestService; ``first_sight`` is shared with the threshold, which sees devices first."""

    def __init__(
        self,
        doors: Doors,
        observer: SignInObserver,
        first_sight: FirstSight,
        threshold: Threshold | None = None,
        courtesy: Courtesy | None = None,
    ) -> None:
        super().__init__(doors, threshold, courtesy)
        self._observer = observer
        self._first_sight = first_sight

    async def standing(self, device: Device, now: datetime, kind: str = "") -> Standing:
        """See GuestService: here devices are first seen, and those that others let in."""
        standing = await super().standing(device, now, kind)
        match standing:
            case Captive():
                self._first_sight.note(device.mac, now)
            case Online(session):
                waited = self._measured(device, session.ground, session.started_at)
                began_here = session.ground is Ground.OPEN and session.started_at == now
                if waited or began_here:
                    self._observer.admitted(device.site_id, session.ground, device.access_point)
        return standing

    async def sign_in_with_card(
        self,
        device: Device,
        card_text: Secret,
        pin_text: Secret,
        now: datetime,
        *,
        remember_as: str | None = None,
    ) -> SignInOutcome:
        """See GuestService."""
        outcome = await super().sign_in_with_card(
            device, card_text, pin_text, now, remember_as=remember_as
        )
        return self._counted(outcome, device, Ground.CARD)

    async def accept(self, device: Device, now: datetime) -> SignInOutcome:
        """See GuestService."""
        return self._counted(await super().accept(device, now), device, Ground.ACCEPT)

    async def join(self, device: Device, code_text: str, now: datetime) -> SignInOutcome:
        """See GuestService."""
        is_voucher = means_voucher(self.site(device.site_id), code_text)
        method = Ground.VOUCHER if is_voucher else Ground.TUTOR
        return self._counted(await super().join(device, code_text, now), device, method)

    async def redeem(self, device: Device, token: str, now: datetime) -> SignInOutcome:
        """See GuestService."""
        return self._counted(await super().redeem(device, token, now), device, Ground.VOUCHER)

    async def sign_in_with_day_code(self, device: Device, now: datetime) -> SignInOutcome:
        """See GuestService."""
        outcome = await super().sign_in_with_day_code(device, now)
        return self._counted(outcome, device, Ground.DAY_CODE)

    async def continue_visit(self, device: Device, now: datetime) -> SignInOutcome:
        """See GuestService."""
        return self._counted(await super().continue_visit(device, now), device, Ground.REMEMBERED)

    def _counted(self, outcome: _Outcome, device: Device, method: Ground) -> _Outcome:
        match outcome:
            case Admitted(session):
                self._observer.admitted(device.site_id, session.ground, device.access_point)
                self._measured(device, session.ground, session.started_at)
            case Refused(reason):
                self._observer.refused(device.site_id, method, reason, device.access_point)
        return outcome

    def _measured(self, device: Device, ground: Ground, started_at: datetime) -> bool:
        waited = self._first_sight.take(device.mac, started_at)
        if waited is not None:
            self._observer.came_online(SiteId(device.site_id), ground, waited)
        return waited is not None
