"""How many requests one who asks may send: far more than a program needs, never without an end.

Not a limit on guessing (a token has 256 bits): it keeps one program from keeping the process and
the database busy. The rule to keep: it knows nothing but a name and the time.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_REMEMBERED = 10_000
"""Names. Who is forgotten has its whole budget again."""


@dataclass(slots=True)
class _Left:
    requests: float
    at: datetime


class RequestBudget:
    """A bucket of ``burst`` requests for each name, refilled with ``per_second``."""

    def __init__(self, burst: int, per_second: float, most: int = MOST_REMEMBERED) -> None:
        self._burst, self._per_second, self._most = burst, per_second, most
        self._left: OrderedDict[object, _Left] = OrderedDict()

    def take(self, name: object, now: datetime) -> timedelta | None:
        """Take one request of this name's; None: it may go on. Else how long it has to wait."""
        wait = self.wait(name, now)
        if wait is None:
            self._left[name].requests -= 1
        return wait

    def wait(self, name: object, now: datetime) -> timedelta | None:
        """Say how long this name has to wait; None: it need not. Nothing is taken."""
        left = self._left.setdefault(name, _Left(self._burst, now))
        passed_s = max((now - left.at).total_seconds(), 0.0)  # the clock may step back
        left.requests = min(left.requests + passed_s * self._per_second, self._burst)
        left.at = now
        self._left.move_to_end(name)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        if left.requests >= 1:
            return None
        return timedelta(seconds=(1 - left.requests) / self._per_second)
