"""PURE: what a form's hidden field holds: its expiry, and an HMAC over that and what it is tied to.

Not what a form is tied to (guest/form_token.py, staff/form_token.py). The rule to keep: the first
tie names the site, so that a field of one is worthless at the other.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime

_EXPIRY_BYTES = 5
_MAC_BYTES = 16
"""128 bits, far beyond guessing over a network (RFC 2104 section 5 asks for at least 80)."""


def issue(key: bytes, ties: Sequence[bytes], until: datetime) -> str:
    """Return 28 characters, good until then; no tie holds a zero byte."""
    expiry = int(until.timestamp()).to_bytes(_EXPIRY_BYTES, "big")
    return base64.urlsafe_b64encode(expiry + _tag(key, ties, expiry)).decode()


def holds(key: bytes, ties: Sequence[bytes], text: str, now: datetime) -> bool:
    """Say whether it was issued for just these ties and has not expired."""
    try:
        raw = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != _EXPIRY_BYTES + _MAC_BYTES:
        return False
    expiry, tag = raw[:_EXPIRY_BYTES], raw[_EXPIRY_BYTES:]
    genuine = hmac.compare_digest(tag, _tag(key, ties, expiry))
    return genuine and now.timestamp() < int.from_bytes(expiry, "big")


def _tag(key: bytes, ties: Sequence[bytes], expiry: bytes) -> bytes:
    return hmac.digest(key, b"\0".join((*ties, expiry)), "sha256")[:_MAC_BYTES]
