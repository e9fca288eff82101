"""A lid on the log: so many bytes a second, so that no guest can fill a disk by knocking.

Not a level and not a sampler: what is over the budget is counted and the count is logged.
The rule to keep: logging never blocks and never fails a request.
"""

import logging
from collections.abc import Callable


class LogBudget(logging.Filter):
    """Lets records pass within ``bytes_per_s`` (with a burst of ten seconds' worth)."""

    def __init__(self, monotonic: Callable[[], float], bytes_per_s: float = 1000.0) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._rate = bytes_per_s
        self._burst = 10 * bytes_per_s
        self._left = self._burst
        self._then = monotonic()
        self._dropped = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record fits; the first that fits again tells how many did not."""
        now = self._monotonic()
        self._left = min(self._burst, self._left + (now - self._then) * self._rate)
        self._then = now
        size = _size(record)
        if size > self._left:
            self._dropped += 1
            return False
        self._left -= size
        if self._dropped:
            record.left_out = self._dropped
            self._dropped = 0
        return True


def _size(record: logging.LogRecord) -> int:
    """Estimate the bytes of the line, with the traceback where there is one."""
    traceback = 2000 if record.exc_info else 0
    return len(record.getMessage()) + 100 + traceback
