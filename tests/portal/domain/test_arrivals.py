"""Device numbers: two digits while they last."""

import random

from portal.domain.arrivals import MOST_WAITING, choose_number


def test_two_digits_then_three_then_four_then_none() -> None:
    taken: set[int] = set()
    generator = random.Random(1)
    for count in range(MOST_WAITING):
        if 100 < count < 900 or 1000 < count < MOST_WAITING - 10:
            taken.add(next(n for n in range(10, 10_000) if n not in taken))
            continue
        number = choose_number(taken, generator.random())
        assert number is not None
        assert number not in taken
        assert len(str(number)) == (2 if count < 90 else 3 if count < 990 else 4)
        taken.add(number)
    assert choose_number(taken, 0.5) is None


def test_the_draw_reaches_every_number() -> None:
    assert choose_number((), 0.0) == 10
    assert choose_number((), 0.999999) == 99
    assert choose_number(range(10, 99), 0.7) == 99
