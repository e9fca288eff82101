"""The hidden field that ties a form to a device: HMAC over MAC address, expiry and purpose.

Not a session: nothing is stored, and no cookie is needed (the iOS login window keeps none).
The rule to keep: a token that does not hold is never an error, only a fresh form.
"""

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.day_code import GOOD_FOR
from portal.domain.identity import MacAddress, SiteId

LIFETIME = timedelta(hours=4)
"""A form left open over lunch still works; an older one is issued anew with its card number."""

SHORT_LIFETIME = GOOD_FOR
"""Of a form that only somebody in the library may see."""

_EXPIRY_BYTES = 5
_MAC_BYTES = 16
"""128 bits, far beyond guessing over a network (RFC 2104 section 5 asks for at least 80)."""


class Purpose(StrEnum):
    """What a form does. A token for one purpose is worthless for another.

    A purpose can be bound to a site too: "day@city".
    """

    CARD = "card"
    CODE = "code"
    SCAN = "scan"
    DAY = "day"
    ACCEPT = "accept"
    EXTEND = "extend"
    SIGN_OUT = "sign_out"
    CONTINUE = "continue"
    FORGET = "forget"
    FORGET_LISTED = "forget_listed"
    REPORT = "report"
    RATE = "rate"

    def at(self, site_id: SiteId) -> str:
        """Return the purpose bound to a site."""
        return f"{self}@{site_id}"


def issue_token(key: bytes, mac: MacAddress, purpose: str, now: datetime) -> str:
    """Return a token of 28 characters, good for `lifetime_of`, fit for a hidden field."""
    expiry = int((now + lifetime_of(purpose)).timestamp()).to_bytes(_EXPIRY_BYTES, "big")
    return base64.urlsafe_b64encode(expiry + _tag(key, mac, purpose, expiry)).decode()


def lifetime_of(purpose: str) -> timedelta:
    """Return how long a form may stay open."""
    return SHORT_LIFETIME if purpose.partition("@")[0] == Purpose.DAY else LIFETIME


def token_holds(key: bytes, mac: MacAddress, purpose: str, token: str, now: datetime) -> bool:
    """Say whether the token was issued to this device for this purpose and has not expired."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != _EXPIRY_BYTES + _MAC_BYTES:
        return False
    expiry, tag = raw[:_EXPIRY_BYTES], raw[_EXPIRY_BYTES:]
    genuine = hmac.compare_digest(tag, _tag(key, mac, purpose, expiry))
    return genuine and now.timestamp() < int.from_bytes(expiry, "big")


def _tag(key: bytes, mac: MacAddress, purpose: str, expiry: bytes) -> bytes:
    message = b"\0".join((b"guest form", mac.encode(), purpose.encode(), expiry))
    return hmac.digest(key, message, "sha256")[:_MAC_BYTES]
