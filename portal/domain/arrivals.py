"""Device numbers: the two digits a waiting device shows, so that staff can let it in.

Not an identity: a number belongs to one visit. The rule to keep: no two devices waiting at a
site, and none that waited there in the last ten minutes, have the same number.
"""

from collections.abc import Collection
from datetime import timedelta

NUMBER_IS_KEPT = timedelta(minutes=10)
"""After the device stops waiting: long enough to walk to the desk, short enough to be reused."""

_RANGES = (range(10, 100), range(100, 1000), range(1000, 10_000))
"""Two digits are said and read without error; more only where two do not suffice."""

MOST_WAITING = sum(len(numbers) for numbers in _RANGES)


def choose_number(taken: Collection[int], draw: float) -> int | None:
    """Return a number not taken, by ``draw`` in [0, 1) among the free ones of the shortest length.

    Random, so that two devices that arrive together do not get neighbouring numbers. None when
    all numbers of up to four digits are taken: such a crowd is an attack, and gets no numbers.
    """
    for numbers in _RANGES:
        free = [number for number in numbers if number not in taken]
        if free:
            return free[int(draw * len(free))]
    return None
