"""The token in the address to which an access point sends a visitor: who is there, and where.

Not a login: it proves that the bridge itself named this device at this access point, nothing of
its owner. Pure. The rule to keep: a token is believed as a whole or not at all, and is short, since
Cisco's access points take an address of at most 235 octets.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.domain.identity import MacAddress, SiteId

GOOD_FOR = timedelta(hours=24)
"""A page that stays open over a night is asked for anew by the access point."""

_VERSION = b"\x01"
_EXPIRY_BYTES = 5
_MAC_BYTES = 6
_TAG_BYTES = 16
"""128 bits, far beyond guessing over a network (RFC 2104 section 5 asks for at least 80)."""

_HEAD_BYTES = len(_VERSION) + _EXPIRY_BYTES + _MAC_BYTES
_TEXTS = 4
_LONGEST_TOKEN = 2000
"""Four texts of 255 octets in Base64; who sends more is not listened to."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A device that an access point told the bridge of.

    ``client`` is the RADIUS client's name in the configuration. ``ip`` is the device's address, and
    ``accounting_session_id`` the access point's name for its visit; both empty where it did not
    tell.
    """

    mac: MacAddress
    site_id: SiteId
    client: str
    ip: str = ""
    accounting_session_id: bytes = b""


def issue(key: bytes, visit: Visit, now: datetime) -> str:
    """Return a token for an address's path: letters, digits, ``-`` and ``_``.

    Raises:
        OverflowError: a text of the visit is longer than 255 octets.
    """
    expiry = int((now + GOOD_FOR).timestamp()).to_bytes(_EXPIRY_BYTES, "big")
    body = _VERSION + expiry + bytes.fromhex(visit.mac.replace(":", "")) + _packed(visit)
    return base64.urlsafe_b64encode(body + _tag(key, body)).decode().rstrip("=")


def read(key: bytes, text: str, now: datetime) -> Visit | None:
    """Return the visit that a token names; None: not ours, changed, or too old. Never raises."""
    raw = _decoded(text)
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(key, body)) or body[: len(_VERSION)] != _VERSION:
        return None
    expiry = body[len(_VERSION) : len(_VERSION) + _EXPIRY_BYTES]
    if now.timestamp() >= int.from_bytes(expiry, "big"):
        return None
    mac = body[_HEAD_BYTES - _MAC_BYTES : _HEAD_BYTES].hex(":")
    site_id, client, ip, accounting_session_id = _unpacked(body[_HEAD_BYTES:])
    return Visit(
        MacAddress(mac),
        SiteId(site_id.decode()),
        client.decode(),
        ip.decode(),
        accounting_session_id,
    )


def _packed(visit: Visit) -> bytes:
    texts = (visit.site_id.encode(), visit.client.encode(), visit.ip.encode())
    return b"".join(
        len(text).to_bytes(1, "big") + text for text in (*texts, visit.accounting_session_id)
    )


def _unpacked(rest: bytes) -> list[bytes]:
    """Split what `_packed` joined; a tag has shown already that it is whole."""
    texts = []
    for _ in range(_TEXTS):
        length = rest[0]
        texts.append(rest[1 : 1 + length])
        rest = rest[1 + length :]
    return texts


def _decoded(text: str) -> bytes:
    """Return the octets of a token as this module writes them; none for anything else."""
    if len(text) > _LONGEST_TOKEN or not text.isascii():
        return b""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return b""
    is_as_written = base64.urlsafe_b64encode(raw).decode().rstrip("=") == text
    return raw if is_as_written else b""


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"visit\0" + body, "sha256")[:_TAG_BYTES]
