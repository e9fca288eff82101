"""What a staff password must be: long, and not one of those that everybody tries first.

Not its hashing (portal/services/staff/passwords.py). No rules about kinds of characters and no
expiry: both make passwords worse (NIST SP 800-63B section 5.1.1.2, OWASP ASVS 6.2).
"""

from enum import StrEnum

SHORTEST = 12
LONGEST = 200
"""Characters. Longer ones cost nothing to hash, but a form field ends somewhere."""

_FEWEST_DIFFERENT = 5
_COMMON = (
    "password",
    "losenord",
    "lösenord",
    "qwerty",
    "asdfgh",
    "zxcvbn",
    "iloveyou",
    "welcome",
    "valkommen",
    "välkommen",
    "letmein",
    "admin",
    "bibliotek",
    "library",
    "sommar",
    "summer",
    "vinter",
    "winter",
    "123456789",
    "1234567890",
    "987654321",
)
"""Long passwords that people choose are one of these with something small beside it."""

_LITTLE_BESIDE = 5


class PasswordFault(StrEnum):
    """Why a password is not taken; each is a text's key."""

    SHORT = "password.short"
    LONG = "password.long"
    COMMON = "password.common"
    OWN_NAME = "password.own_name"


def fault_of(password: str, account_name: str) -> PasswordFault | None:
    """Return what is wrong with a new password, None when it can be used."""
    if len(password) < SHORTEST:
        return PasswordFault.SHORT
    if len(password) > LONGEST:
        return PasswordFault.LONG
    plain = password.casefold()
    if _is_little_more_than(plain, account_name):
        return PasswordFault.OWN_NAME
    if len(set(plain)) < _FEWEST_DIFFERENT or any(_is_little_more_than(plain, w) for w in _COMMON):
        return PasswordFault.COMMON
    return None


def _is_little_more_than(password: str, word: str) -> bool:
    """Say whether little is left of the password once the word is taken out."""
    return word in password and len(password.replace(word, "")) <= _LITTLE_BESIDE
