"""The hidden field of every form: HMAC over who holds it, the form's address and the site.

Not a session. The rule to keep: a token is good for one browser, one address and one site, so that
a form drawn at one library does nothing at another after a change of site.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFETIME = timedelta(hours=24)
"""Longer than any visit: what ends is the visit."""

_EXPIRY_BYTES = 5
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Ties:
    """What a token is bound to: the hash of the browser's cookie, an address of ours, the site."""

    browser: bytes = field(repr=False)
    path: str
    site: str


def issue_token(key: bytes, ties: Ties, now: datetime) -> str:
    """Return a token of 28 characters, fit for a hidden field."""
    expiry = int((now + LIFETIME).timestamp()).to_bytes(_EXPIRY_BYTES, "big")
    return base64.urlsafe_b64encode(expiry + _tag(key, ties, expiry)).decode()


def token_holds(key: bytes, ties: Ties, token: str, now: datetime) -> bool:
    """Say whether the token was issued for this and has not expired."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != _EXPIRY_BYTES + _MAC_BYTES:
        return False
    expiry, tag = raw[:_EXPIRY_BYTES], raw[_EXPIRY_BYTES:]
    genuine = hmac.compare_digest(tag, _tag(key, ties, expiry))
    return genuine and now.timestamp() < int.from_bytes(expiry, "big")


def _tag(key: bytes, ties: Ties, expiry: bytes) -> bytes:
    parts = (b"staff form", ties.browser.hex().encode(), ties.path.encode(), ties.site.encode())
    return hmac.digest(key, b"\0".join((*parts, expiry)), "sha256")[:_MAC_BYTES]
