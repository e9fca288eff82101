import pytest

from portal.domain.password import PasswordFault, fault_of


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("tre blå hästar springer", None),
        ("korrekt häst batteri", None),
        ("x9!kQ2#mPz7v", None),
        ("  spaces are kept  ", None),
        ("日本語のパスワードは長い方がいい", None),
        ("kort", PasswordFault.SHORT),
        ("elva tecken", PasswordFault.SHORT),
        ("a b c d e f " * 20, PasswordFault.LONG),
        ("aaaaaaaaaaaaaaaa", PasswordFault.COMMON),
        ("abababababab", PasswordFault.COMMON),
        ("Password12345", PasswordFault.COMMON),
        ("bibliotek2026", PasswordFault.COMMON),
        ("Sommarsommar1", PasswordFault.COMMON),
        ("1234567890ab", PasswordFault.COMMON),
        ("kim.larsson26", PasswordFault.OWN_NAME),
        ("KIM.LARSSON!!", PasswordFault.OWN_NAME),
        ("kim.larsson bor i en skog", None),
    ],
)
def test_what_is_taken(password: str, fault: PasswordFault | None) -> None:
    assert fault_of(password, "kim.larsson") is fault
