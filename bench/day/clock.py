"""The day's clock: how many real seconds a minute of the day takes."""

import threading
from time import monotonic


class DayOverError(Exception):
    """The day was given up; whoever waits stops."""


class Clock:
    """Starts when told; any thread may ask it and wait by it."""

    def __init__(self, minute_s: float) -> None:
        self.minute_s = minute_s
        self._started_at = monotonic()
        self._over = threading.Event()

    def start(self) -> None:
        """It is opening time."""
        self._started_at = monotonic()

    @property
    def seconds(self) -> float:
        """Real seconds since opening."""
        return monotonic() - self._started_at

    @property
    def minute(self) -> float:
        """Minutes of the day since opening."""
        return self.seconds / self.minute_s

    def wait_until(self, minute: float) -> None:
        """Wait for a minute of the day. Raises DayOverError when the day is given up meanwhile."""
        self.pause(minute * self.minute_s - self.seconds)

    def pause(self, seconds: float) -> None:
        """Wait so many real seconds. Raises DayOverError as above."""
        if self._over.wait(max(0.0, seconds)):
            raise DayOverError

    def give_up(self) -> None:
        """Wake everybody who waits."""
        self._over.set()
