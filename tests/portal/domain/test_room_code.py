import pytest

from portal.domain.room_code import is_guessable, read_code, written
from portal.domain.typed_code import CodeFault, NoCode


@pytest.mark.parametrize(
    "typed",
    [
        "408512",
        " 408 512 ",
        "408-512",
        "4 0 8 5 1 2",
        "４０８５１２",
        "٤٠٨٥١٢",
        "۴۰۸۵۱۲",
        "408\u2011512",
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert read_code(typed) == "408512"


@pytest.mark.parametrize("typed", ["", "   ", "--"])
def test_nothing_is_told_as_nothing(typed: str) -> None:
    assert read_code(typed) == NoCode(CodeFault.EMPTY)


@pytest.mark.parametrize(
    ("typed", "characters"), [("40851", 5), ("4085127", 7), ("40851O", 6), ("abc", 3)]
)
def test_what_is_no_code_says_how_much_was_typed(typed: str, characters: int) -> None:
    assert read_code(typed) == NoCode(CodeFault.LENGTH, characters)


@pytest.mark.parametrize(
    "code",
    ["000000", "111112", "345678", "901257", "654320", "210987", "474474", "123123", "080808"],
)
def test_what_people_try_first_is_guessable(code: str) -> None:
    assert is_guessable(code)


@pytest.mark.parametrize("code", ["408512", "112233", "123567", "555102", "590135"])
def test_other_codes_are_not(code: str) -> None:
    assert not is_guessable(code)


def test_nearly_all_codes_may_be_drawn() -> None:
    assert sum(is_guessable(f"{n:06}") for n in range(10**6)) < 15_000


def test_a_code_is_shown_in_two_groups() -> None:
    assert written("408512") == "408 512"
