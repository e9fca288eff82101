"""A visit to the portal that an access point began, as it stands in the addresses of its pages.

The bridge's own token (visit_token.py) says which device is meant and is proof of it. One that
begins with what a visitor's browser brought has more to it: what the way back to the access point
needs, and how far the device may be believed. Pure, and nothing is stored.
The rule to keep: what nobody signed may be imitated by whoever knows a device's address. Such a
passage lets in, but shows and ends no session that did not begin on it.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from portal.domain import visit_token
from portal.domain.identity import Device
from portal.domain.visit_token import Visit

MOST_TOLD = 2_000
"""Characters of JSON that the way back may need. Meraki's login address, the longest, has about
600; an address of 8,190 octets is the most that web servers take."""

_TAG_BYTES = 16
"""128 bits, far beyond guessing over a network (RFC 2104 section 5 asks for at least 80)."""

_LONGEST_TOKEN = 6_000


@dataclass(frozen=True, slots=True)
class Passage:
    """A device at an access point, and what is known of its way in.

    ``told`` is what the access point said and wants to hear again. ``is_proved``: the bridge or the
    access point vouches for the device. ``owns`` is the session that began on this passage.
    ``is_inside``: the access point was told, or says itself, that the device is in.
    """

    visit: Visit
    told: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_proved: bool = True
    owns: UUID | None = None
    is_inside: bool = False

    @property
    def device(self) -> Device:
        """Return the device at its library."""
        visit = self.visit
        return Device(visit.mac, visit.site_id, visit.client, is_vouched=self.is_proved)

    def may_decide_over(self, session: UUID) -> bool:
        """Say whether this passage may show and end a session of its device."""
        return self.is_proved or self.owns == session


def is_short_enough(told: Mapping[str, str]) -> bool:
    """Say whether an address can carry this."""
    return len(json.dumps(dict(told))) <= MOST_TOLD


def issue(key: bytes, passage: Passage, now: datetime) -> str:
    """Return the token for an address's path: letters, digits, ``-``, ``_`` and ``.``.

    Raises:
        OverflowError: a text of the visit is longer than 255 octets.
    """
    if passage == Passage(passage.visit):
        return visit_token.issue(key, passage.visit, now)
    own_key = _own(key)
    visit = visit_token.issue(own_key, passage.visit, now)
    more = {
        "told": dict(passage.told),
        "proved": passage.is_proved,
        "owns": None if passage.owns is None else passage.owns.hex,
        "inside": passage.is_inside,
    }
    body = json.dumps(more, separators=(",", ":")).encode()
    return f"{visit}.{_encoded(_tag(own_key, visit, body) + body)}"


def read(key: bytes, text: str, now: datetime) -> Passage | None:
    """Return the passage that a token names; None: not ours, changed, or too old. Never raises."""
    if len(text) > _LONGEST_TOKEN:
        return None
    token, dot, more = text.partition(".")
    own_key = _own(key) if dot else key
    visit = visit_token.read(own_key, token, now)
    if visit is None or not dot:
        return None if visit is None else Passage(visit)
    raw = _decoded(more)
    tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(own_key, token, body)):
        return None
    said = json.loads(body)  # written by us: the tag says so
    owns = None if said["owns"] is None else UUID(said["owns"])
    return Passage(visit, said["told"], said["proved"], owns, said["inside"])


def _own(key: bytes) -> bytes:
    """Return the key of tokens that have more to them: cut short, they are not the bridge's."""
    return hmac.digest(key, b"passage", "sha256")


def _tag(key: bytes, visit: str, body: bytes) -> bytes:
    message = visit.encode() + b"\0" + body
    return hmac.digest(key, message, "sha256")[:_TAG_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """Return the octets of what `_encoded` wrote; none for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if _encoded(raw) == text else b""
