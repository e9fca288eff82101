"""When to stop asking a library system that does not answer: a state machine, pure.

Not the asking: guarded_library.py does that. Times are monotonic seconds, given by the caller.
The rule to keep: while open, guests are answered at once and nobody's card is used to find out
whether the library system is back.
"""

from enum import Enum, auto

FAILURES_TO_OPEN = 3
"""In a row: a single lost answer is not an outage."""

RETRY_S = 10.0
"""Between trials while open."""


class Passage(Enum):
    """What a caller may do now."""

    ASK = auto()
    TRY = auto()
    """Make the one trial, then report it with ``end_trial``."""
    REFUSE = auto()


class CircuitBreaker:
    """Closed: everybody asks. Open: nobody does. Every ``retry_s`` one caller makes a trial."""

    def __init__(self, failures_to_open: int = FAILURES_TO_OPEN, retry_s: float = RETRY_S) -> None:
        self._failures_to_open = failures_to_open
        self._retry_s = retry_s
        self._failures = 0
        self._retry_at: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """True while guests are refused without asking."""
        return self._retry_at is not None

    def request(self, now: float) -> Passage:
        """Say what this caller may do; after ``TRY`` the caller must call ``end_trial``."""
        if self._retry_at is None:
            return Passage.ASK
        if self._trying or now < self._retry_at:
            return Passage.REFUSE
        self._trying = True
        return Passage.TRY

    def end_trial(self, now: float, *, answered: bool | None) -> None:
        """End the trial; ``answered`` None means that it was broken off: the next may try at once.

        Raises:
            ValueError: no trial was under way.
        """
        if not self._trying:
            raise ValueError("no trial is under way")
        self._trying = False
        if answered:
            self.record_answer()
        elif self._retry_at is not None and answered is False:
            self._retry_at = now + self._retry_s

    def record_answer(self) -> None:
        """Note that the library system answered, whatever it said: the breaker closes."""
        self._failures = 0
        self._retry_at = None

    def record_failure(self, now: float) -> None:
        """Note that it did not; a late failure, asked before it opened, changes nothing."""
        self._failures += 1
        if self._retry_at is None and self._failures >= self._failures_to_open:
            self._retry_at = now + self._retry_s
