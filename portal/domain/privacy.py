"""PURE: privacy levels: what is written down at a site about a guest's visit, and what is not.

Not how long (retention is per class of data) and not what the network needs while a guest is
online. The rules to keep: a higher level holds all that a lower one holds; a raised level never
reveals what was before; a lowered one deletes.
"""

from enum import IntEnum


class PrivacyLevel(IntEnum):
    """What a site writes down. The numbers stand in configuration and database."""

    COUNTS = 0
    """Nothing of any visit: only how many there were."""
    VISITS = 1
    """Each visit, under a name of its own: two visits of one device have nothing in common."""
    GUESTS = 2
    """And which device and which card or code, as keyed pseudonyms that change every week."""
    ADDRESSES = 3
    """And which public ports or IPv6 addresses the device had, without any destination."""

    @property
    def keeps_visits(self) -> bool:
        """Whether a visit is in the log once it is over."""
        return self >= PrivacyLevel.VISITS

    @property
    def keeps_guests(self) -> bool:
        """Whether the log has pseudonyms of device and card; without, no identity can be sealed."""
        return self >= PrivacyLevel.GUESTS

    @property
    def keeps_addresses(self) -> bool:
        """Whether it is written down which addresses and ports the network gave a device."""
        return self >= PrivacyLevel.ADDRESSES


DEFAULT_LEVEL = PrivacyLevel.GUESTS
