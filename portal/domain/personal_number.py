"""Does a typed number have the shape of a Swedish personal identity number?

Not an identity check: it knows only the shape, so that such a number is refused before it is
sent anywhere. Guest Wi-Fi has no weighty reason to handle it (Dataskyddslagen 2018:218,
3 kap. 10 §), yet many library systems take it in place of a card number.
The rule to keep: a number refused here is counted, never logged.
"""

import re
from datetime import date

_SHAPE = re.compile(r"(?P<century>19|20)?(?P<date>[0-9]{6})[-+]?(?P<serial>[0-9]{4})")

_COORDINATION_OFFSET = 60
"""A coordination number (samordningsnummer) has 60 added to the day of birth."""


def looks_like_personal_number(text: str) -> bool:
    """Say whether the text is a personnummer or samordningsnummer by form, date and check digit.

    10 or 12 digits, with or without ``-`` or ``+`` before the last four; no other blanks. About
    1 in 137 random 10-digit numbers passes as well, so a site may have to switch the test off.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        return False
    digits = match["date"] + match["serial"]
    return _is_date(match["century"] or "20", match["date"]) and _luhn_holds(digits)


def _is_date(century: str, yymmdd: str) -> bool:
    """Without a century the year is read as 20yy: it has every leap day that 19yy has."""
    year, month, day = int(century + yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:])
    try:
        date(year, month, day - _COORDINATION_OFFSET if day > _COORDINATION_OFFSET else day)
    except ValueError:
        return False
    return True


def _luhn_holds(digits: str) -> bool:
    """Luhn (ISO/IEC 7812-1 annex B) over all ten digits, the check digit included."""
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(digits)]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
