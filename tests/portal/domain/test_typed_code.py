import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.typed_code import CodeFault, CodeLimits, NoCode, read_digits

SCRIPTS = [0x0030, 0x0660, 0x06F0, 0x0966, 0x0E50, 0xFF10]
"""The zeros of ASCII, Arabic, Persian, Devanagari, Thai and full-width digits."""
BETWEEN = ["", " ", "-", "\N{NO-BREAK SPACE}", "\N{EN DASH}", "\N{NON-BREAKING HYPHEN}", "\t"]


@given(
    digits=st.text("0123456789", min_size=1, max_size=12),
    zero=st.sampled_from(SCRIPTS),
    between=st.sampled_from(BETWEEN),
)
def test_digits_of_any_script_with_any_spacing_are_read(
    digits: str, zero: int, between: str
) -> None:
    typed = between.join(chr(zero + int(digit)) for digit in digits)
    assert read_digits(typed) == digits


@pytest.mark.parametrize("typed", ["", "  ", " - ", "\N{NO-BREAK SPACE}"])
def test_nothing_is_told_as_nothing(typed: str) -> None:
    assert read_digits(typed) == NoCode(CodeFault.EMPTY)


@given(st.text())
def test_whatever_is_typed_is_digits_or_said_to_be_none(typed: str) -> None:
    read = read_digits(typed)
    if isinstance(read, str):
        assert read.isascii()
        assert read.isdecimal()
    else:
        kept = [c for c in typed if unicodedata.digit(c, None) is None]
        assert read.fault is CodeFault.EMPTY or kept


def test_a_letter_makes_no_code_and_is_counted() -> None:
    assert read_digits("40851O") == NoCode(CodeFault.LENGTH, 6)


def test_it_is_told_at_half_the_limit() -> None:
    assert CodeLimits(per_site=60).alarm_at == 30
