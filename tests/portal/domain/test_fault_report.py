import pytest

from portal.domain.fault_report import LONGEST_WORDS, plain_words


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("  två  ord \n", "två ord"),
        ("kort 20000000000001", "kort …"),
        ("850101-1234 och 85 01 01", "… och …"),
        ("enhet 47, 12 345 personer", "enhet 47, 12 345 personer"),
        ("a\x1b[31mb\u202ec", "a [31mb c"),
        ("x" * 900, "x" * LONGEST_WORDS),
    ],
)
def test_words_are_plain_and_name_nobody(typed: str, kept: str) -> None:
    assert plain_words(typed) == kept
