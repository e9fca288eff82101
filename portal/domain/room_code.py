"""Room codes: six digits that let a group in; how they are read, and how many may be guessed.

Not how a code is drawn or looked up, and not a voucher's code. The rule to keep: only codes that
nobody has count as guesses; a mistyped one costs nothing but the reading of a hint.
"""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

CODE_DIGITS = 6
"""Read from a screen across the room; 120 guesses hit one of a million with 0.012 %."""

_FORGIVEN = frozenset("-‐‑‒–—.·_/")
"""What people and keyboards write between digits."""
_RUNS = ("000", "111", "999")
"""Steps between four digits in a row that are equal, or count up or down."""


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """How many codes that nobody has may be typed: by a device, at a site, and everywhere."""

    per_device: int = 10
    device_window: timedelta = timedelta(minutes=15)
    per_site: int = 60
    everywhere: int = 200
    window: timedelta = timedelta(hours=1)

    @property
    def alarm_at(self) -> int:
        """Return how many unknown codes at a site IT is told of."""
        return self.per_site // 2


class CodeFault(StrEnum):
    """Why what was typed is no code."""

    EMPTY = "empty"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class NoCode:
    """What was typed is no code; ``typed`` is how many characters it had."""

    fault: CodeFault
    typed: int = 0


def read_code(text: str) -> str | NoCode:
    """Return six ASCII digits, whatever digits, spaces and dashes they were typed with.

    Digits of other scripts are digits too (``unicodedata.digit``): full-width, Arabic, Persian.
    """
    kept = [char for char in text if not (char.isspace() or char in _FORGIVEN)]
    if not kept:
        return NoCode(CodeFault.EMPTY)
    digits = [unicodedata.digit(char, None) for char in kept]
    if None in digits or len(digits) != CODE_DIGITS:
        return NoCode(CodeFault.LENGTH, len(kept))
    return "".join(map(str, digits))


def is_guessable(code: str) -> bool:
    """Say whether a code is one that people try first.

    Four digits in a row that are equal or count up or down (1111, 8901, 4321), no more than two
    different digits (474474), or one half said twice (123123).
    """
    half = CODE_DIGITS // 2
    steps = "".join(str((int(after) - int(before)) % 10) for before, after in pairwise(code))
    has_run = any(run in steps for run in _RUNS)
    return has_run or len(set(code)) <= 2 or code[:half] == code[half:]


def written(code: str) -> str:
    """Return the code as it is shown: two groups of three."""
    half = CODE_DIGITS // 2
    return f"{code[:half]} {code[half:]}"
