"""What the guest pages need of the services. One Protocol, met by portal/services/guest.py."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.admission import Admit
from portal.domain.identity import Device, Secret, SiteId
from portal.domain.returning import RememberedDevice
from portal.domain.session import Session
from portal.domain.site import Site
from portal.services.outcomes import Online, Refused, SignInOutcome, Standing, VoucherOffer
from portal.services.returning import Recognised


class GuestDoor(Protocol):
    """The use cases of a guest. Every method may raise the exceptions of portal/services/ports.

    Raises:
        GateUnavailableError: the gate's agent cannot be asked.
        DatabaseUnavailableError: the database cannot be asked.
    """

    def site(self, site_id: SiteId) -> Site:
        """Return the site's name and rules."""
        ...

    def site_of(self, session: Session, device: Device) -> Site:
        """Return the site whose rules hold for the session."""
        ...

    async def identify(self, ip: str) -> Device | None:
        """Return the device behind an address, None when it is on none of the guest networks."""
        ...

    async def recognise(self, ip: str) -> Recognised | None:
        """Return the device behind an address if it comes back and needs no page; never slow."""
        ...

    async def welcome(self, ip: str, found: Recognised) -> None:
        """Open the gate to a recognised device; never raises."""
        ...

    async def standing(self, device: Device, now: datetime, kind: str = "") -> Standing:
        """Say whether the device is online, and note that it is here when it is not."""
        ...

    async def number_of(
        self, online: Online, device: Device, now: datetime, kind: str
    ) -> int | None:
        """Return the number by which staff can name a device that is online; never raises."""
        ...

    async def sign_in_with_card(
        self,
        device: Device,
        card: Secret,
        pin: Secret,
        now: datetime,
        *,
        remember_as: str | None = None,
    ) -> SignInOutcome:
        """Check card and PIN; open the gate before answering Admitted.

        ``remember_as``: remember the device too, under this label.
        """
        ...

    async def continue_visit(self, device: Device, now: datetime) -> SignInOutcome:
        """Take an ended visit up again by a press, where `standing` said that one may."""
        ...

    async def remembered_here(self, device: Device, now: datetime) -> RememberedDevice | None:
        """Return this device as it is remembered."""
        ...

    async def remembered_devices(
        self, device: Device, now: datetime
    ) -> Sequence[RememberedDevice] | None:
        """Return all devices of the card that was shown in this session; None: none was."""
        ...

    async def forget_here(self, device: Device, now: datetime) -> None:
        """Forget this device."""
        ...

    async def forget_listed(self, device: Device, device_id: UUID) -> None:
        """Forget one of `remembered_devices`."""
        ...

    async def join(self, device: Device, code_text: str, now: datetime) -> SignInOutcome:
        """Let the device in by a code, or protect its session; open the gate before Admitted."""
        ...

    async def scanned(self, device: Device, token: str, now: datetime) -> VoucherOffer | Refused:
        """Return what a QR code's token would give; nothing changes by that."""
        ...

    async def redeem(self, device: Device, token: str, now: datetime) -> SignInOutcome:
        """Let the device in by a QR code's token; open the gate before answering Admitted."""
        ...

    async def day_code(self, device: Device, code: str, now: datetime) -> Admit | Refused:
        """Return what the code of the day would give; nothing changes by that."""
        ...

    async def sign_in_with_day_code(self, device: Device, now: datetime) -> SignInOutcome:
        """Let the device in that had the code in time; open the gate before Admitted."""
        ...

    async def accept(self, device: Device, now: datetime) -> SignInOutcome:
        """Let the device in where the site asks for no more than a press."""
        ...

    async def extend(self, device: Device, now: datetime) -> Session | Refused:
        """Move the session's end."""
        ...

    async def sign_out(self, device: Device, now: datetime) -> bool:
        """End the session; False when there was none."""
        ...
