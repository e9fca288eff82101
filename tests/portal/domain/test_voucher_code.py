import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.typed_code import CodeFault, NoCode
from portal.domain.voucher_code import (
    encode_token,
    has_long_run,
    read_token,
    read_voucher_code,
    with_check_digit,
    written_code,
)

nines = st.text("0123456789", min_size=9, max_size=9)


def test_the_printed_example() -> None:
    assert with_check_digit("408512773") == "4085127730"
    assert read_voucher_code("408 512 7730") == "4085127730"
    assert written_code("4085127730") == "408 512 7730"


def test_the_check_digit_of_the_published_example() -> None:
    """572 is checked by 4 (Damm, and every description of his method since)."""
    assert with_check_digit("572") == "5724"


@given(nines)
def test_what_is_written_is_read(digits: str) -> None:
    code = with_check_digit(digits)
    assert read_voucher_code(written_code(code)) == code


@given(digits=nines, place=st.integers(0, 9), wrong=st.integers(1, 9))
def test_every_wrong_digit_is_a_typo(digits: str, place: int, wrong: int) -> None:
    code = with_check_digit(digits)
    other = str((int(code[place]) + wrong) % 10)
    mistyped = code[:place] + other + code[place + 1 :]
    assert read_voucher_code(mistyped) == NoCode(CodeFault.TYPO, 10)


@given(digits=nines, place=st.integers(0, 8))
def test_two_neighbours_that_changed_places_are_a_typo(digits: str, place: int) -> None:
    code = with_check_digit(digits)
    one, two = code[place], code[place + 1]
    swapped = code[:place] + two + one + code[place + 2 :]
    assert (read_voucher_code(swapped) == code) is (one == two)


def test_the_table_checks_as_damm_proved() -> None:
    """Totally anti-symmetric, which all the above follows from; one digit and its check: 0."""
    codes = {with_check_digit(f"{a}{b}") for a, b in product(range(10), repeat=2)}
    for code in codes:
        assert with_check_digit(code)[-1] == "0"
        if code[0] != code[1]:
            assert with_check_digit(code[1] + code[0]) != code[1] + code[0] + code[2]


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", NoCode(CodeFault.EMPTY)),
        ("408 512 773", NoCode(CodeFault.LENGTH, 9)),
        ("408 512 77300", NoCode(CodeFault.LENGTH, 11)),
        ("4O8 512 7730", NoCode(CodeFault.LENGTH, 10)),
        ("408 512 7731", NoCode(CodeFault.TYPO, 10)),
    ],
)
def test_what_is_no_code_is_told_apart(typed: str, fault: NoCode) -> None:
    assert read_voucher_code(typed) == fault


@pytest.mark.parametrize("code", ["4085127730", "1112223334", "0001112223"])
def test_three_equal_digits_are_no_long_run(code: str) -> None:
    assert not has_long_run(code)


@pytest.mark.parametrize("code", ["1111234567", "4085112222", "4000085127"])
def test_four_equal_digits_are(code: str) -> None:
    assert has_long_run(code)


def test_how_many_codes_there_are() -> None:
    """10\N{SUPERSCRIPT NINE} less those with a long run, counted digit by digit."""
    states = {("", 0, "0"): 1}  # last digit, its run, the check so far (read off with_check_digit)
    for _ in range(9):
        after: dict[tuple[str, int, str], int] = {}
        for (last, run, interim), ways in states.items():
            for digit in "0123456789":
                longer = run + 1 if digit == last else 1
                if longer < 4:
                    # the same quasigroup, entered with what has been read: 0 * interim = interim
                    key = (digit, longer, _step(interim, digit))
                    after[key] = after.get(key, 0) + ways
        states = after
    good = sum(ways for (last, run, check), ways in states.items() if check != last or run < 3)
    assert good == 993_605_131


def _step(interim: str, digit: str) -> str:
    """Return the check after one more digit; every interim is the check of some first digit."""
    first = next(d for d in "0123456789" if with_check_digit(d)[-1] == interim)
    return with_check_digit(first + digit)[-1]


@given(st.binary(min_size=16, max_size=16))
def test_a_token_is_26_characters_and_read_in_any_case(token: bytes) -> None:
    text = encode_token(token)
    assert re.fullmatch("[A-Z2-7]{26}", text)
    assert read_token(text) == read_token(text.lower()) == read_token(text.title()) == token


@given(st.text(max_size=30))
def test_what_is_no_token_is_none(text: str) -> None:
    token = read_token(text)
    assert token is None or encode_token(token) == text.upper()


@pytest.mark.parametrize(
    "text", ["", "A" * 25, "A" * 27, "A" * 25 + "1", "A" * 25 + "B", "\u0130" * 26, "A" * 25 + "="]
)
def test_neither_are_these(text: str) -> None:
    assert read_token(text) is None
