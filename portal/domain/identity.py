"""Names of people and things: MAC addresses, secrets, keyed subjects.

Not a place for look-ups: a MAC address is found by the gate, a subject by its key ring.
The rule to keep: what is secret or personal never shows in a repr.
"""

from dataclasses import dataclass, field
from typing import NewType

MacAddress = NewType("MacAddress", str)
"""Lower case, colons: ``02:00:00:00:00:01``."""

SiteId = NewType("SiteId", str)
"""The site's short name in the configuration: ``stadsbiblioteket``."""

Subject = NewType("Subject", bytes)
"""Keyed hash of a card number or voucher (32 bytes): equal for equal cards under one key."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Text that must not reach a log: a PIN, a card number, a password."""

    value: str

    def reveal(self) -> str:
        """Return the text, for the one place that needs it."""
        return self.value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Device:
    """A device on a guest network, as the gate sees it now.

    ``access_point`` is the RADIUS client that sent it here, "" where nobody knows.
    ``is_vouched`` False: nobody but its browser says which it is (an access point that signs
    nothing). Then it is let in as it asks, and is never one that is known.
    """

    mac: MacAddress
    site_id: SiteId
    access_point: str = field(default="", compare=False)
    is_vouched: bool = field(default=True, compare=False)
