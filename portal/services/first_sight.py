"""When a device was first seen waiting: how long it takes to get in.

Not an arrival (that is in the database, and is what the desk sees). The rule to keep: it is memory
of this process only, and goes when the device is in, or has been away for some minutes.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.domain.identity import MacAddress

MOST_DEVICES = 10_000
"""Addresses are free to make up; who falls out is not measured."""


class FirstSight:
    """One for each process."""

    def __init__(self) -> None:
        self._seen: OrderedDict[MacAddress, tuple[datetime, datetime]] = OrderedDict()

    def note(self, mac: MacAddress, now: datetime) -> None:
        """Note that the device waits."""
        first, last = self._seen.get(mac, (now, now))
        self._seen[mac] = (now if now - last > NUMBER_IS_KEPT else first, now)
        self._seen.move_to_end(mac)
        if len(self._seen) > MOST_DEVICES:
            self._seen.popitem(last=False)

    def take(self, mac: MacAddress, started_at: datetime) -> timedelta | None:
        """Return how long the device waited, once; None: it was not seen waiting."""
        first, last = self._seen.pop(mac, (None, None))
        if first is None or last is None or started_at < first:
            return None
        return None if started_at - last > NUMBER_IS_KEPT else started_at - first
