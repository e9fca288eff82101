"""PURE: which devices were led to their access point just now.

An access point that does not take the login sends the visitor here again at once; led there again,
the browser would go round until it gives up. The rule to keep: it knows nothing but the device and
the time, and what it forgets costs a few redirects.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from portal.domain.identity import MacAddress

AT_ONCE = timedelta(seconds=10)
"""A visitor who opens another page so soon reads once that it failed, and presses a button."""

MOST_REMEMBERED = 20_000
"""Devices: as many as a gate admits."""


class SentBack:
    """Remembers when a device was last led to its access point."""

    def __init__(self) -> None:
        self._last: OrderedDict[MacAddress, datetime] = OrderedDict()

    def note(self, mac: MacAddress, now: datetime) -> None:
        """Note that the device is led there."""
        self._last[mac] = now
        self._last.move_to_end(mac)
        if len(self._last) > MOST_REMEMBERED:
            self._last.popitem(last=False)

    def forget(self, mac: MacAddress) -> None:
        """Forget it: it was let in, or left."""
        self._last.pop(mac, None)

    def has(self, mac: MacAddress, now: datetime) -> bool:
        """Say whether the device was led there just now."""
        last = self._last.get(mac)
        return last is not None and abs(now - last) < AT_ONCE
