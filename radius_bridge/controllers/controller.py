"""What a controller does for the portal, whoever made it: the interface of the files beside it.

Not the bodies (radius_bridge/vendors/*_api.py). The door fails closed: whatever does not say "done"
is a ControllerError, and the device stays where it was.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from radius_bridge.access import Grant
from radius_bridge.vendors.family import LoginToken, Redirected


class ControllerError(Exception):
    """A controller did not do it, or did not say so. The text holds no secret and no device."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Who is to be let in, and how: ``visitor.parameters`` are those of the redirect.

    ``token`` is what a controller may ask us about by RADIUS.
    """

    visitor: Redirected
    grant: Grant
    token: LoginToken


class Controller(Protocol):
    """One controller. Every method may raise ControllerError, and lasts seconds at most."""

    @property
    def knows_addresses(self) -> bool:
        """Say whether a MAC address alone is enough to put a device out, or to let it stay."""
        ...

    async def identify(self, visitor: Redirected) -> str | None:
        """Return the MAC address of a visitor; None: the controller knows no such device."""
        ...

    async def admit(self, admission: Admission, now: datetime) -> None:
        """Let a device in until its grant is over; again, with another end, for one that is in."""
        ...

    async def expel(self, visitor: Redirected) -> None:
        """Put a device out, as far as the controller can; one that is out already is well out."""
        ...
