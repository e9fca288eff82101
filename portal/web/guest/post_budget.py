"""PURE: how many forms a device may send: far more than a person can, far fewer than a script.

Not a limit on wrong PINs (portal/domain/sign_in_limits.py): it keeps one device from keeping the
portal busy. The rule to keep: it knows nothing but the device and the time.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from portal.domain.identity import MacAddress

BURST = 60
"""Forms at once. A guest sends five; a worried one who presses for a minute sends thirty."""

PER_SECOND = 1.0
MOST_REMEMBERED = 20_000
"""Devices: as many as a gate admits. Who is forgotten has its whole budget again."""


@dataclass(slots=True)
class _Left:
    forms: float
    at: datetime


class PostBudget:
    """A bucket of ``burst`` forms a device, refilled with ``per_second``."""

    def __init__(self, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        self._burst, self._per_second = burst, per_second
        self._left: OrderedDict[MacAddress, _Left] = OrderedDict()

    def allows(self, mac: MacAddress, now: datetime) -> bool:
        """Take one form from the device's budget; False when there is none left."""
        left = self._left.setdefault(mac, _Left(self._burst, now))
        passed_s = max((now - left.at).total_seconds(), 0.0)  # the clock may step back
        left.forms = min(left.forms + passed_s * self._per_second, self._burst)
        left.at = now
        self._left.move_to_end(mac)
        if len(self._left) > MOST_REMEMBERED:
            self._left.popitem(last=False)
        if left.forms < 1:
            return False
        left.forms -= 1
        return True
