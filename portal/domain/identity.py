"""Names of people and things: MAC addresses, secrets, keyed subjects.

Not a place for look-ups: a MAC address is found by the gate, a subject by its key ring.
The rule to keep: what is secret or personal never shows in a repr.
"""

import re
from dataclasses import dataclass
from typing import NewType

MacAddress = NewType("MacAddress", str)
"""Lower case, colons: ``02:00:00:00:00:01``."""

SiteId = NewType("SiteId", str)
"""The site's short name in the configuration: ``stadsbiblioteket``."""

Subject = NewType("Subject", bytes)
"""Keyed hash of a card number or voucher (32 bytes): equal for equal cards under one key."""

_HEX = re.compile(r"[0-9a-f]{12}")
_SEPARATORS = str.maketrans("", "", ":-.")


def parse_mac_address(text: str) -> MacAddress:
    """Read a MAC address in any common notation (colons, hyphens, Cisco's dots, none).

    Raises:
        ValueError: the text is not a 48-bit address.
    """
    digits = text.strip().lower().translate(_SEPARATORS)
    if not _HEX.fullmatch(digits):
        raise ValueError("not a MAC address")
    return MacAddress(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


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
    """A device on a guest network, as the gate sees it now."""

    mac: MacAddress
    site_id: SiteId
