"""A voucher's two secrets: ten digits that are typed, and a token that stands in the QR code.

Not how they are drawn, stored or looked up. The rule to keep: whatever can be told by looking at
the digits alone is told here, before anybody else is asked.
"""

import base64
import binascii
import re

from portal.domain.typed_code import CodeFault, NoCode, read_digits

CODE_DIGITS = 10
"""Nine random ones and a check digit: 10⁹ codes, as many groups of digits as a phone number."""

TOKEN_BYTES = 16
"""128 bits: nobody guesses one of 10,000 in a century of trying."""

_TOKEN_CHARACTERS = 26
"""16 bytes in Base32 (RFC 4648, section 6) without the padding."""

_RUN = re.compile(r"(\d)\1{3}")
"""Four equal digits in a row: hard to type, and the first that people try."""

_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
"""Damm's quasigroup of order 10 (H. M. Damm, "Total anti-symmetrische Quasigruppen", 2004): no
single wrong digit and no two neighbours that changed places pass."""


def read_voucher_code(text: str) -> str | NoCode:
    """Return ten ASCII digits whose check digit fits, however they were typed."""
    digits = read_digits(text)
    if isinstance(digits, NoCode):
        return digits
    if len(digits) != CODE_DIGITS:
        return NoCode(CodeFault.LENGTH, len(digits))
    return digits if _interim(digits) == "0" else NoCode(CodeFault.TYPO, len(digits))


def with_check_digit(digits: str) -> str:
    """Return nine digits followed by the one that checks them."""
    return digits + _interim(digits)


def has_long_run(code: str) -> bool:
    """Say whether a code has four or more equal digits in a row: such a code is never drawn."""
    return _RUN.search(code) is not None


def written_code(code: str) -> str:
    """Return the code as it is shown, 3-3-4: ``408 512 7730``."""
    return f"{code[:3]} {code[3:6]} {code[6:]}"


def encode_token(token: bytes) -> str:
    """Return a token's 26 characters: capital letters and digits, which make the smallest QR."""
    return base64.b32encode(token).decode().rstrip("=")


def read_token(text: str) -> bytes | None:
    """Return the 16 bytes of a token, in whatever case it was written; None: it is none."""
    if len(text) != _TOKEN_CHARACTERS or not text.isascii():
        return None
    try:
        token = base64.b32decode(text.upper() + "=" * 6)
    except binascii.Error:
        return None
    return token if encode_token(token) == text.upper() else None


def _interim(digits: str) -> str:
    interim = "0"
    for digit in digits:
        interim = _DAMM[int(interim)][int(digit)]
    return interim
