"""The access points that send visitors to this portal: how they come, and how they get in there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from portal.domain.gateway_admission import Waiting
from portal.domain.passage import Passage
from portal.domain.session import Session
from portal.domain.way_back import Browser

PREFIX: Final = "/at/"
"""Before a client's name in the address to which it sends visitors."""


class AccessPointUnavailableError(Exception):
    """A controller did not confirm. Fails closed: the device stays outside, and is told so."""


class Unbelieved(StrEnum):
    """Why a visitor is not taken for one of an access point's. Counted, and never logged whole."""

    UNKNOWN = "unknown"
    """No access point of this name sends visitors."""
    ELSEWHERE = "elsewhere"
    """The browser is in none of the networks that the access point's visitors come from."""
    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad_signature"
    STRANGE_HOST = "strange_host"
    UNKNOWN_DEVICE = "unknown_device"
    """Its controller does not know such a device, or nobody can say which it is."""
    UNKNOWN_GATEWAY = "unknown_gateway"
    """A question in the name of a gateway that is not registered, or in clear."""
    UNPROTECTED = "unprotected"
    """The access point would let in whoever writes the right address (Meraki's click-through)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A visitor whom an access point sent. ``has_failed``: it refused the login it was sent."""

    passage: Passage
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Follow:
    """The visitor's browser is led to the access point, which lets the device in."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Press:
    """The visitor presses a button: a form goes to the access point."""

    url: str = field(repr=False)
    fields: tuple[tuple[str, str], ...] = field(repr=False)


class Unseen(StrEnum):
    """The browser has no part in it."""

    TOLD = "told"
    """Its controller is told (`AccessPoints.admit`)."""
    SOON = "soon"
    """The RADIUS bridge tells the access point, in a moment."""
    ASKED = "asked"
    """Its gateway asks for it (`AccessPoints.have_let_in`)."""


WayIn = Follow | Press | Unseen


class AccessPoints(Protocol):
    """All of them. Only what speaks with a controller can fail."""

    def client_at(self, path: str) -> str | None:
        """Return whose visitors an address is for; None: nobody's."""
        ...

    async def arrive(self, client: str, raw_url: str, browser: Browser) -> Arrival | Unbelieved:
        """Read the address that a visitor was sent with, exactly as it stood.

        Raises:
            AccessPointUnavailableError: its controller did not say whether it knows the device.
        """
        ...

    def token(self, passage: Passage, now: datetime) -> str:
        """Return a passage as it stands in an address."""
        ...

    def passage(self, token: str, now: datetime) -> Passage | None:
        """Return the passage of a token; None: not ours, too old, or of a client that is gone."""
        ...

    def reference(self, passage: Passage, browser: Browser, now: datetime) -> str:
        """Return what a browser may bring back once, across a network that everybody reads."""
        ...

    def come_back(self, reference: str, browser: Browser, now: datetime) -> Passage | None:
        """Return the passage of a reference, which is spent by that.

        None: not ours, spent, too old, or another browser's.
        """
        ...

    def is_bound(self, passage: Passage) -> bool:
        """Say whether the way in lets in the passage's device, and no other whoever asks."""
        ...

    def way_in(self, passage: Passage, portal_url: str, now: datetime) -> WayIn:
        """Return how the device gets in; its browser comes to ``portal_url`` afterwards."""
        ...

    def way_out(self, passage: Passage) -> Follow | None:
        """Return where the browser logs off; None: nowhere."""
        ...

    def sources(self, passage: Passage) -> tuple[str, ...]:
        """Return where a page's form may lead to, as a content security policy names it."""
        ...

    async def admit(self, passage: Passage, session: Session, now: datetime) -> None:
        """Tell the device's controller to let it in until the session is due.

        Raises:
            AccessPointUnavailableError: it did not confirm.
        """
        ...

    async def have_let_in(
        self, passage: Passage, session: Session, now: datetime, *, pressed: bool
    ) -> Waiting:
        """Have its gateway let the device in when it asks, and say how far that is.

        ``pressed``: the visitor has just used a form, and does not only look.

        Raises:
            DatabaseUnavailableError: what a gateway is told stands there.
        """
        ...

    async def answer_gateway(
        self, client: str, fields: Mapping[str, str], browser: Browser, now: datetime
    ) -> str | Unbelieved:
        """Answer a gateway that asks whom to let in.

        Raises:
            DatabaseUnavailableError: what it is told stands there.
        """
        ...

    async def expel(self, passage: Passage) -> None:
        """Tell the device's controller, where it has one, to put it out.

        Raises:
            AccessPointUnavailableError: it did not confirm.
        """
        ...
