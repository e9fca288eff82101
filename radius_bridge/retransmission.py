"""When a request is sent again over UDP: the timers of RFC 5080 section 2.2.1, as numbers.

Not the sending. Pure: chance is a parameter, and nothing here waits.
The rule to keep: only a reply that was believed ends the waiting; a forged, late or foreign one
changes no timer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetransmissionTimes:
    """The RFC's constants, under its names in brackets.

    With these, a request goes out at about 0, 2, 6 and 14 s, and has failed after 30 s.
    """

    first_s: float = 2.0
    """IRT."""
    longest_s: float = 16.0
    """MRT."""
    transmissions_max: int = 5
    """MRC."""
    duration_max_s: float = 30.0
    """MRD."""
    spread: float = 0.1
    """RAND: at most this part is added or taken away, so that senders do not fall into step."""


def waits(times: RetransmissionTimes, draw: Callable[[], float]) -> Iterator[float]:
    """Yield how long to wait for the reply after each transmission; at the end, it has failed.

    `draw` gives a number from -1 to 1. Together the waits never exceed `duration_max_s`.
    """
    left_s = times.duration_max_s
    wait_s = times.first_s * (1 + times.spread * draw())
    for _ in range(times.transmissions_max):
        yield min(wait_s, left_s)
        left_s -= wait_s
        if left_s <= 0:
            return
        wait_s *= 2 + times.spread * draw()
        if wait_s > times.longest_s:
            wait_s = times.longest_s * (1 + times.spread * draw())
