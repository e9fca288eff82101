"""PURE: how often something may be done: far more than people do it, far fewer than a script.

Not the limits on wrong PINs of a card or a device (portal/domain/sign_in_limits.py). The rule to
keep: it knows nothing but a name and the time, and remembers a bounded number of names.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

MOST_REMEMBERED = 20_000
"""Names: devices, as many as a gate admits. Who is forgotten has its whole budget again."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and then so many a second."""

    burst: int
    per_second: float


FORMS = Rate(60, 1.0)
"""Of a device. A guest sends five; a worried one who presses for a minute sends thirty."""

REPORTS = Rate(3, 1 / 1200)
"""Of faults, of a device."""

RATINGS = Rate(1, 1 / 86_400)
"""Answers to "was it easy?", of a device."""

ARRIVALS = Rate(300, 5.0)
"""Of a browser's address, at /at/. A library behind one address: a phone that is sent here opens
three pages at most, so that a hundred may come at once, and 6,000 in an hour."""

QUESTIONS = Rate(120, 10.0)
"""Of gateways at one address, about one RADIUS client. Each asks twice in five seconds."""

GUESSES = Rate(60, 60 / 3600)
"""Wrong cards and codes of a browser's address, from access points that sign nothing. A library
behind one address sees 300 logins in its busiest hour, and of ten that are typed about one is
wrong: half of this. A script that goes through cards gets one try a minute."""

GUESSES_OF_CLIENT = Rate(240, 240 / 3600)
"""The same of all addresses together, at one RADIUS client: who has many addresses gets four."""


@dataclass(slots=True)
class _Left:
    count: float
    at: datetime


class Budget:
    """A bucket for each name."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._left: OrderedDict[Hashable, _Left] = OrderedDict()

    def allows(self, name: Hashable, now: datetime) -> bool:
        """Take one from the name's budget; False when there is none left."""
        rate = self._rate
        left = self._left.setdefault(name, _Left(rate.burst, now))
        passed_s = max((now - left.at).total_seconds(), 0.0)  # the clock may step back
        left.count, left.at = min(left.count + passed_s * rate.per_second, rate.burst), now
        self._left.move_to_end(name)
        if len(self._left) > MOST_REMEMBERED:
            self._left.popitem(last=False)
        if left.count < 1:
            return False
        left.count -= 1
        return True

    def is_spent(self, name: Hashable, now: datetime) -> bool:
        """Say whether ``allows`` would say no."""
        left = self._left.get(name)
        if left is None:
            return False
        passed_s = max((now - left.at).total_seconds(), 0.0)
        return left.count + passed_s * self._rate.per_second < 1

    def give_back(self, name: Hashable) -> None:
        """Give one back that was taken and not used."""
        left = self._left.get(name)
        if left is not None:
            left.count = min(left.count + 1, self._rate.burst)
