"""What the guest pages may do: the one service they call.

Not a use case of its own: each method names the module that does the work. The rule to keep:
everything expected comes back as a value; only the gate's own failure to name a device is raised.
"""

from dataclasses import dataclass
from datetime import datetime

from portal.domain.identity import Device, Secret, SiteId
from portal.domain.session import Session
from portal.domain.site import Site
from portal.services.outcomes import Refused, SignInOutcome, Standing


@dataclass(frozen=True, slots=True)
class GuestService:
    """The guest's side of the portal. ``now`` is aware and in UTC everywhere."""

    async def identify(self, ip: str) -> Device | None:
        """Return the device behind an address on a guest network, None for any other address.

        Raises:
            GateUnavailableError: the gate's agent did not answer.
        """
        raise NotImplementedError

    async def standing(self, device: Device, now: datetime) -> Standing:
        """Return whether the device is online, and if not, its device number.

        Counts the device among those waiting. On a site with an open network (login method
        ``none``) this is where its session starts. Never raises: with the database away it
        answers from memory for devices this process saw online, else Captive with number None.
        """
        raise NotImplementedError

    async def sign_in_with_card(
        self, device: Device, card_text: Secret, pin_text: Secret, now: datetime
    ) -> SignInOutcome:
        """Check the card and the PIN as typed and let the device in, or say why not."""
        raise NotImplementedError

    async def accept(self, device: Device, now: datetime) -> SignInOutcome:
        """Let the device in on a site that asks for one press (login method ``accept``)."""
        raise NotImplementedError

    async def extend(self, device: Device, now: datetime) -> Session | Refused:
        """Prolong the device's session; refused NOT_ONLINE, NOT_EXTENDABLE or SERVICE_DOWN."""
        raise NotImplementedError

    async def sign_out(self, device: Device, now: datetime) -> bool:
        """End the device's session and close the gate; False when the database is away.

        True as well for a device that has no session: the outcome is the one asked for.
        """
        raise NotImplementedError

    def site(self, site_id: SiteId) -> Site:
        """Return the site's rules and texts.

        Raises:
            KeyError: no such site in the configuration.
        """
        raise NotImplementedError
