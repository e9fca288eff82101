"""What openNDS at levels 3 and 4 asks of its service: whom to let in, behind any NAT.

The gateway's authmon daemon polls by POST and acknowledges by `rhid`; who asks and who waits is
the portal's to know. Pure.
The rule to keep: a gateway is a stranger until its `gatewayhash` is one that we expect, and a
device stays on the list until the gateway has acknowledged it: a lost answer costs one poll.
Source: openNDS, `libs/authmon.sh` and `fas-aes-https.php`; documentation, "authmon".
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from radius_bridge.access import Grant
from radius_bridge.vendors.redirects import mac_of
from radius_bridge.vendors.standard import kbit_s

PAYLOAD_MAX_CHARACTERS = 8192
"""A list of all clients that a small gateway can have, 64 characters each."""
AT_ONCE_MAX = 4
"""What authmon lets in at one poll; it reads 1024 characters of a list."""

ACKNOWLEDGED = "ack"

_HASH = re.compile("[0-9a-f]{64}")
_MINUTE_S = 60
_WITHOUT_LIMIT = 0
_NOTHING = frozenset({"", "none"})


class Wants(StrEnum):
    """What a poll is for: `auth_get`."""

    CLEAR = "clear"
    """The gateway has just started: whoever waits waits in vain."""
    LIST = "list"
    VIEW = "view"
    """The list, or with what it has let in, word of it; then `ACKNOWLEDGED` is the answer."""
    DEAUTHED = "deauthed"
    """A device is out."""


@dataclass(frozen=True, slots=True)
class Poll:
    """One question of a gateway. ``gateway`` is the hash of its name.

    ``acknowledged`` are the `rhid` that it has let in; None: it asks for the list. ``left`` is the
    address of a device that it has put out.
    """

    wants: Wants
    gateway: str
    acknowledged: frozenset[str] | None = field(default=None, repr=False)
    left: str | None = None


def read_poll(form: Mapping[str, str]) -> Poll | None:
    """Read a poll; None: it is none, or one of a kind that needs no answer."""
    wants, gateway = form.get("auth_get", ""), form.get("gatewayhash", "")
    payload = _payload(form.get("payload", ""))
    if wants not in set(Wants) or not _HASH.fullmatch(gateway) or payload is None:
        return None
    if wants == Wants.DEAUTHED:
        return Poll(Wants.DEAUTHED, gateway, left=_left(payload))
    if wants != Wants.VIEW or payload in _NOTHING:
        return Poll(Wants(wants), gateway)
    hashes = frozenset(word for word in payload.split() if _HASH.fullmatch(word))
    return Poll(Wants.VIEW, gateway, hashes)


def gateway_hash(gateway_name: str) -> str:
    """Return how a gateway of this name calls itself."""
    return hashlib.sha256(gateway_name.strip().encode()).hexdigest()


def write_list(waiting: Iterable[tuple[str, Grant]]) -> str:
    """Return the answer to a poll: who is to be let in, by `rhid`, and how.

    Minutes are rounded up, so that the session engine ends a session before the gateway does.
    """
    entries = [_entry(rhid, grant) for rhid, grant in waiting][:AT_ONCE_MAX]
    return " ".join(("*", *entries))


def _entry(rhid: str, grant: Grant) -> str:
    up, down = grant.bandwidth.upload_bit_s, grant.bandwidth.download_bit_s
    words = (
        rhid,
        max(1, -(-grant.session_timeout_s // _MINUTE_S)),
        _WITHOUT_LIMIT if up is None else kbit_s(up),
        _WITHOUT_LIMIT if down is None else kbit_s(down),
        _WITHOUT_LIMIT,
        _WITHOUT_LIMIT,
        "kvar",
    )
    return quote(" ".join(map(str, words)), safe="")


def _payload(text: str) -> str | None:
    """Return a payload in clear: up to version 9 it is in Base64, later not always.

    None: too long, or neither.
    """
    if len(text) > PAYLOAD_MAX_CHARACTERS:
        return None
    if text in _NOTHING or text.startswith("*"):
        return text
    try:
        return base64.b64decode(text.replace(" ", "+"), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _left(payload: str) -> str | None:
    words = dict(pair.partition("=")[::2] for pair in payload.split(", "))
    return mac_of(words.get("clientmac"))
