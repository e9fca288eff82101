"""The hidden field that ties a form to a device: HMAC over MAC address, expiry and purpose.

Not a session: nothing is stored, and no cookie is needed (the iOS login window keeps none).
The rule to keep: a token that does not hold is never an error, only a fresh form.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from portal.domain.day_code import GOOD_FOR
from portal.domain.identity import MacAddress, SiteId
from portal.web import expiring_tag

LIFETIME = timedelta(hours=4)
"""A form left open over lunch still works; an older one is issued anew with its card number."""

SHORT_LIFETIME = GOOD_FOR
"""Of a form that only somebody in the library may see."""


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
    return expiring_tag.issue(key, _ties(mac, purpose), now + lifetime_of(purpose))


def lifetime_of(purpose: str) -> timedelta:
    """Return how long a form may stay open."""
    return SHORT_LIFETIME if purpose.partition("@")[0] == Purpose.DAY else LIFETIME


def token_holds(key: bytes, mac: MacAddress, purpose: str, token: str, now: datetime) -> bool:
    """Say whether the token was issued to this device for this purpose and has not expired."""
    return expiring_tag.holds(key, _ties(mac, purpose), token, now)


def _ties(mac: MacAddress, purpose: str) -> tuple[bytes, ...]:
    return (b"guest form", mac.encode(), purpose.encode())
