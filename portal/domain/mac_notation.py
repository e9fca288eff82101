"""PURE: a device's address in whatever notation somebody copied it.

Not a judgement on the address. The rule to keep: what is not twelve hexadecimal digits in even
groups is None, never a guess.
"""

import re

from portal.domain.identity import MacAddress

_NOTATIONS = (
    re.compile(r"[0-9a-f]{12}"),  # 0200000000af
    re.compile(r"[0-9a-f]{2}([:\- ])[0-9a-f]{2}(\1[0-9a-f]{2}){4}"),  # IEEE 802, Windows, Unix
    re.compile(r"[0-9a-f]{4}([.\- :])[0-9a-f]{4}\1[0-9a-f]{4}"),  # Cisco and others
    re.compile(r"[0-9a-f]{6}[.\- :][0-9a-f]{6}"),  # HP
)
_SEPARATORS = str.maketrans("", "", ":-. ")


def read_mac(text: str) -> MacAddress | None:
    """Return the address in our own notation, None where the text is none."""
    plain = text.strip().lower()
    if not any(notation.fullmatch(plain) for notation in _NOTATIONS):
        return None
    digits = plain.translate(_SEPARATORS)
    return MacAddress(":".join(digits[at : at + 2] for at in range(0, 12, 2)))


def may_be_a_number(text: str) -> bool:
    """Say whether the text may as well be a card: twelve decimal digits in a row."""
    return text.strip().isdecimal()
