"""Codes that staff type: the one-time code of an app, a recovery code, the code of a first sign-in.

Not a store of them. The rule to keep: an app's code is good for the time step it belongs to and the
two beside it, because telephones' clocks differ; that it is good once is the database's to say.
"""

import base64
import secrets
import unicodedata
from datetime import datetime

import pyotp

from portal.domain.identity import Secret

STEP_S = 30
DIGITS = 6
_BESIDE = (0, -1, 1)
"""Steps: RFC 6238 section 5.2 suggests one back; one ahead is for a telephone that is early."""

RECOVERY_CODES = 10
_RECOVERY_BYTES = 15
"""120 bits: far beyond guessing, so that a plain keyed hash stores it (ASVS 6.5.2)."""

_LINK_BYTES = 10
"""80 bits, good for half an hour."""

_GROUP = 4
_LOOKS_LIKE = str.maketrans("018", "OIB")
"""Base32 has none of these digits (RFC 4648 section 6)."""


def new_totp_secret() -> Secret:
    """Return 160 random bits in Base32 (RFC 4226 section 4 asks for so many)."""
    return Secret(base64.b32encode(secrets.token_bytes(20)).decode())


def totp_uri(secret: Secret, account: str, organisation: str) -> Secret:
    """Return what the QR code tells an app."""
    totp = pyotp.TOTP(secret.reveal())
    return Secret(totp.provisioning_uri(name=account, issuer_name=organisation))


def matching_step(secret: Secret, typed: str, now: datetime) -> int | None:
    """Return the time step whose code was typed, None when it is no code of now."""
    code = _digits(typed)
    if len(code) != DIGITS:
        return None
    totp = pyotp.TOTP(secret.reveal(), digits=DIGITS, interval=STEP_S)
    this = int(now.timestamp()) // STEP_S
    for step in (max(0, this + beside) for beside in _BESIDE):  # no clock yet: 1970
        if secrets.compare_digest(totp.generate_otp(step), code):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Return codes as they are shown: "ABCD-EFGH-…", each good once."""
    return [_grouped(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]


def new_link_code() -> str:
    """Return the code of a first sign-in, as it is shown."""
    return _grouped(secrets.token_bytes(_LINK_BYTES))


def plain(typed: str) -> str:
    """Return a typed recovery or link code without what people add to it."""
    text = unicodedata.normalize("NFKC", typed).upper().translate(_LOOKS_LIKE)
    return "".join(character for character in text if character.isalnum())


def in_fours(text: str) -> str:
    """Return a long text in groups, for people to copy."""
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _grouped(raw: bytes) -> str:
    return in_fours(base64.b32encode(raw).decode().rstrip("=")).replace(" ", "-")


def _digits(typed: str) -> str:
    """Return the digits of any script as 0-9."""
    return "".join(str(unicodedata.digit(character)) for character in typed if character.isdigit())
