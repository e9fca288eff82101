"""Room codes: six digits that let a group in; how they are read, and which nobody should draw.

Not how a code is drawn or looked up, and not a voucher's code (voucher_code.py).
"""

from itertools import pairwise

from portal.domain.typed_code import CodeFault, NoCode, read_digits

CODE_DIGITS = 6
"""Read from a screen across the room; 120 guesses hit one of a million with 0.012 %."""

_RUNS = ("000", "111", "999")
"""Steps between four digits in a row that are equal, or count up or down."""


def read_code(text: str) -> str | NoCode:
    """Return six ASCII digits, however they were typed."""
    digits = read_digits(text)
    if isinstance(digits, NoCode) or len(digits) == CODE_DIGITS:
        return digits
    return NoCode(CodeFault.LENGTH, len(digits))


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
