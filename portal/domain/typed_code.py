"""Codes as people type them: which digits were meant, and how many wrong codes may be typed.

Not one kind of code (room_code.py, voucher_code.py). The rule to keep: only codes that nobody has
count as guesses; a mistyped one costs nothing but the reading of a hint.
"""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

_FORGIVEN = frozenset("-‐‑‒–—.·_/")
"""What people and keyboards write between digits."""


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
    TYPO = "typo"
    """The check digit does not fit: a digit is wrong, or two have changed places."""


@dataclass(frozen=True, slots=True)
class NoCode:
    """What was typed is no code; ``typed`` is how many characters it had."""

    fault: CodeFault
    typed: int = 0


def read_digits(text: str) -> str | NoCode:
    """Return ASCII digits, whatever digits, spaces and dashes they were typed with.

    Digits of other scripts are digits too (``unicodedata.digit``): full-width, Arabic, Persian.
    """
    kept = [char for char in text if not (char.isspace() or char in _FORGIVEN)]
    if not kept:
        return NoCode(CodeFault.EMPTY)
    digits = [unicodedata.digit(char, None) for char in kept]
    if None in digits:
        return NoCode(CodeFault.LENGTH, len(kept))
    return "".join(map(str, digits))
