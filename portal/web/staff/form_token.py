"""The hidden field of every form: HMAC over who holds it, the form's address and the site.

Not a session. The rule to keep: a token is good for one browser, one address and one site, so that
a form drawn at one library does nothing at another after a change of site.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.web import expiring_tag

LIFETIME = timedelta(hours=24)
"""Longer than any visit: what ends is the visit."""


@dataclass(frozen=True, slots=True)
class Ties:
    """What a token is bound to: the hash of the browser's cookie, an address of ours, the site."""

    browser: bytes = field(repr=False)
    path: str
    site: str


def issue_token(key: bytes, ties: Ties, now: datetime) -> str:
    """Return a token of 28 characters, fit for a hidden field."""
    return expiring_tag.issue(key, _bytes(ties), now + LIFETIME)


def token_holds(key: bytes, ties: Ties, token: str, now: datetime) -> bool:
    """Say whether the token was issued for this and has not expired."""
    return expiring_tag.holds(key, _bytes(ties), token, now)


def _bytes(ties: Ties) -> tuple[bytes, ...]:
    return (b"staff form", ties.browser.hex().encode(), ties.path.encode(), ties.site.encode())
