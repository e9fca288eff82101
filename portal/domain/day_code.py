"""The code of the day: a number on the library's screen that changes every 30 seconds (RFC 6238).

Not a voucher: nobody owns it, and it is worth something only on the network of the site whose
screen showed it. The rule to keep: the secret is a parameter and never part of a value.
"""

import hashlib
import hmac
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyotp import TOTP

STEP = timedelta(seconds=30)
DIGITS = 10
"""All that a code's 31 bits need: four codes of two thousand million are good at a time."""

SCANNED_WITHIN = timedelta(seconds=60)
"""After a code has left the screen: time to open the browser, not to send a picture around."""

GOOD_FOR = timedelta(minutes=10)
"""The page, once opened in time: reading, finding one's glasses, pressing the button."""

_STEPS_BACK = -(-SCANNED_WITHIN // STEP)
_STEPS_AHEAD = 1
"""The screen's machine may be a little fast."""


@dataclass(frozen=True, slots=True)
class DayCode:
    """A code and when the next one takes its place on the screen."""

    token: str
    changes_at: datetime


def code_at(secret: bytes, now: datetime) -> DayCode:
    """Return the code that a screen shows now."""
    start = _step_start(now)
    return DayCode(_token(secret, start), start + STEP)


def is_good(secret: bytes, token: str, now: datetime) -> bool:
    """Say whether a screen of the site shows this code, or did so within `SCANNED_WITHIN`."""
    if len(token) != DIGITS or not (token.isascii() and token.isdecimal()):
        return False
    start = _step_start(now)
    steps = range(-_STEPS_BACK, _STEPS_AHEAD + 1)
    return any(hmac.compare_digest(token, _token(secret, start + step * STEP)) for step in steps)


def _step_start(now: datetime) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return now - (now - epoch) % STEP


def _token(secret: bytes, start: datetime) -> str:
    step_s = int(STEP.total_seconds())
    key = b32encode(secret).decode()
    return TOTP(key, digits=DIGITS, digest=hashlib.sha256, interval=step_s).at(start)
