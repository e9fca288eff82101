"""What the guest pages may do: the one service they call.

Not a use case of its own: each method names the module that does the work. The rule to keep:
everything expected comes back as a value; only the gate's own failure to name a device is raised.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from portal.domain.admission import Admit
from portal.domain.identity import Device, Secret, SiteId
from portal.domain.returning import RememberedDevice
from portal.domain.session import Ground, Session
from portal.domain.site import LoginMethod, Site
from portal.services.continue_visit import continue_visit
from portal.services.courtesy import Courtesy
from portal.services.day_codes import DayCodes
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.extend import extend
from portal.services.group_tutoring import GroupTutoring
from portal.services.held_back import HeldBackMemory
from portal.services.look_up import LookUp
from portal.services.outcomes import (
    Admitted,
    Captive,
    Online,
    Refused,
    SignInOutcome,
    Standing,
    VoucherOffer,
)
from portal.services.redeem import Redeem
from portal.services.remembered import Remembered
from portal.services.returning import Recognised
from portal.services.sign_in import SignIn
from portal.services.sign_out import keep_sign_out, sign_out
from portal.services.threshold import Threshold
from portal.services.typed_codes import means_voucher


class GuestService:
    """The guest's side of the portal. ``now`` is aware and in UTC everywhere."""

    def __init__(
        self,
        doors: Doors,
        threshold: Threshold | None = None,
        courtesy: Courtesy | None = None,
    ) -> None:
        self._doors = doors
        self._threshold = threshold
        self._courtesy = courtesy
        self._sign_in = SignIn(doors, courtesy)
        memory = HeldBackMemory()  # both kinds of code are under the same caps
        self._groups = GroupTutoring(doors, memory=memory)
        self._redeem = Redeem(doors, memory=memory)
        self._day_codes = DayCodes(doors)
        self._look_up = LookUp(doors, courtesy)
        self._remembered = Remembered(doors)

    async def identify(self, ip: str) -> Device | None:
        """Return the device behind an address on a guest network, None for any other address.

        Raises:
            GateUnavailableError: the gate's agent did not answer.
        """
        return await self._doors.gate.identify(ip)

    async def recognise(self, ip: str) -> Recognised | None:
        """Return the device behind an address if it comes back and needs no page; never slow.

        Never raises: whoever cannot be looked for is a stranger.
        """
        return None if self._threshold is None else await self._threshold.recognise(ip)

    async def welcome(self, ip: str, found: Recognised) -> None:
        """Open the gate to a recognised device; never raises."""
        if self._threshold is not None:
            await self._threshold.welcome(ip, found)

    async def standing(self, device: Device, now: datetime, kind: str = "") -> Standing:
        """Return whether the device is online, and if not, its device number.

        Counts the device among those waiting, as a ``kind`` ("iPhone") where its browser said so.
        On a site with an open network (login method ``none``) this is where its session starts.
        Never raises: with the database away it answers from memory for devices this process saw
        online, else Captive with number None.
        """
        standing = await self._look_up.standing(device, now, kind)
        is_open = LoginMethod.NONE in self.site(device.site_id).login_methods
        if is_open and isinstance(standing, Captive):
            outcome = await self._sign_in.without_card(device, Ground.OPEN, now)
            if isinstance(outcome, Admitted):
                return await self._look_up.standing(device, now)
        return standing

    async def number_of(
        self, online: Online, device: Device, now: datetime, kind: str
    ) -> int | None:
        """Return the number by which staff can name a device that is online; never raises."""
        return await self._look_up.number(online.session, device, now, kind)

    async def sign_in_with_card(
        self,
        device: Device,
        card_text: Secret,
        pin_text: Secret,
        now: datetime,
        *,
        remember_as: str | None = None,
    ) -> SignInOutcome:
        """Check the card and the PIN as typed and let the device in, or say why not.

        ``remember_as``: the guest ticked the box, and this is what the list calls the device.
        """
        outcome = await self._sign_in.with_card(device, card_text, pin_text, now)
        if isinstance(outcome, Admitted):
            self._look_up.remember(outcome.session)
            if remember_as is not None and self._courtesy is not None:
                self._courtesy.remember_later(outcome.session, remember_as)
            if remember_as is not None and outcome.is_own:
                await self._remembered.remember(device, outcome.session, remember_as, now)
        return outcome

    async def remembered_here(self, device: Device, now: datetime) -> RememberedDevice | None:
        """Return this device as it is remembered; None as well while the database is away."""
        try:
            return await self._remembered.here(device, now)
        except STORE_ERRORS:
            return None

    async def remembered_devices(
        self, device: Device, now: datetime
    ) -> Sequence[RememberedDevice] | None:
        """Return all devices of the card that was shown in this session; None: none was.

        Raises:
            DatabaseUnavailableError: nobody knows.
        """
        session = await self._doors.sessions.find(device.mac)
        return None if session is None else await self._remembered.listed(session, now)

    async def forget_here(self, device: Device, now: datetime) -> None:
        """Forget this device.

        Raises:
            DatabaseUnavailableError: not done.
        """
        await self._remembered.forget_here(device, now)

    async def forget_listed(self, device: Device, device_id: UUID) -> None:
        """Forget one of `remembered_devices`.

        Raises:
            DatabaseUnavailableError: not done.
        """
        session = await self._doors.sessions.find(device.mac)
        if session is not None:
            await self._remembered.forget_listed(session, device_id)

    async def accept(self, device: Device, now: datetime) -> SignInOutcome:
        """Let the device in on a site that asks for one press (login method ``accept``).

        On an open network the press is what is left while the automatic way is shut: the answer
        then says why.
        """
        is_open = LoginMethod.NONE in self.site(device.site_id).login_methods
        ground = Ground.OPEN if is_open else Ground.ACCEPT
        return await self._sign_in.without_card(device, ground, now)

    async def join(self, device: Device, code_text: str, now: datetime) -> SignInOutcome:
        """Let the device in by a voucher's code.

        Or by a tutoring group's room code, which also protects its running session.
        """
        if not means_voucher(self.site(device.site_id), code_text):
            return await self._groups.join(device, code_text, now)
        return self._noted(await self._redeem.with_code(device, code_text, now))

    async def scanned(self, device: Device, token: str, now: datetime) -> VoucherOffer | Refused:
        """Return what a QR code's token would give; nothing changes by that."""
        return await self._redeem.look(device, token, now)

    async def redeem(self, device: Device, token: str, now: datetime) -> SignInOutcome:
        """Let the device in by a QR code's token."""
        return self._noted(await self._redeem.with_token(device, token, now))

    async def day_code(self, device: Device, code: str, now: datetime) -> Admit | Refused:
        """Return what the code of the day would give; nothing changes by that."""
        return self._day_codes.look(device, code, now)

    async def sign_in_with_day_code(self, device: Device, now: datetime) -> SignInOutcome:
        """Let the device in, of which the page knows that it had the code in time."""
        return self._noted(await self._sign_in.without_card(device, Ground.DAY_CODE, now))

    def _noted(self, outcome: SignInOutcome) -> SignInOutcome:
        """Remember who is online, for when nobody can be asked."""
        if isinstance(outcome, Admitted):
            self._look_up.remember(outcome.session)
        return outcome

    async def continue_visit(self, device: Device, now: datetime) -> SignInOutcome:
        """Take an ended visit up again by one press, without a card, where that is offered."""
        return await continue_visit(self._doors, device, now)

    async def extend(self, device: Device, now: datetime) -> Session | Refused:
        """Prolong the device's session; refused NOT_ONLINE, NOT_EXTENDABLE or SERVICE_DOWN."""
        return await extend(self._doors, device, now)

    async def sign_out(self, device: Device, now: datetime) -> bool:
        """End the device's session and close the gate; False when the database is away.

        True as well for a device that has no session: the outcome is the one asked for.
        """
        courtesy = self._courtesy
        if courtesy is not None and courtesy.unwritten(device.mac, now) is not None:
            # the database, if it is back, may learn of the session only after this
            await keep_sign_out(self._doors, device, now)
        signed_out = await sign_out(self._doors, device, now)
        if signed_out:  # else it is online still, and what is remembered must go on saying so
            self._look_up.forget(device)
            if courtesy is not None:
                courtesy.written(device.mac)
        return signed_out

    def site_of(self, session: Session, device: Device) -> Site:
        """Return the site whose rules hold for the session: where it began, if known here."""
        return self._doors.site_of(session, device)

    def site(self, site_id: SiteId) -> Site:
        """Return the site's rules and texts.

        Raises:
            KeyError: no such site in the configuration.
        """
        return self._doors.sites[site_id]
