"""What an access point logs in with in a visitor's stead, instead of a card or a PIN.

Not a permission: it says that the portal sent this device back to this access point, and the
device's session says the rest. Pure, and nothing is stored: the password follows from the name.
The rule to keep: name and password are good for one device at one access point, for two minutes;
in that time the same question gets the same answer, because access points repeat themselves.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from portal.domain.identity import MacAddress, Secret

GOOD_FOR = timedelta(seconds=120)
"""The visitor's browser goes straight from us to the access point, which asks us at once."""

AHEAD = timedelta(seconds=5)
"""How far another node's clock may be before ours."""

RANDOM_BYTES = 8

_GOOD_FOR_S, _AHEAD_S = GOOD_FOR.total_seconds(), AHEAD.total_seconds()

_PREFIX = "kvar-"
_PREFIX_OCTETS = _PREFIX.encode()
_FROM_URL, _TO_URL = bytes.maketrans(b"-_", b"+/"), bytes.maketrans(b"+/", b"-_")
_TIME_BYTES = 5
_PASSWORD_BYTES = 16
"""128 bits, 22 characters in Base64: Ruckus takes at most 31, FortiGate 125 for a whole form."""


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password; the name tells nothing of the visitor."""

    user_name: str
    password: Secret


def issue(key: bytes, mac: MacAddress, client: str, now: datetime, random: bytes) -> Login:
    """Return what the device may log in with at the access points of this RADIUS client.

    ``random`` is RANDOM_BYTES of chance, so that no two logins have one name.
    """
    issued_s = int(now.timestamp()).to_bytes(_TIME_BYTES, "big")
    handle = base64.urlsafe_b64encode(issued_s + random).decode().rstrip("=")
    user_name = _PREFIX + handle
    return Login(user_name, _password(key, user_name, mac, client))


def is_login_name(user_name: bytes) -> bool:
    """Say whether a user name looks like one of ours, good or not."""
    return user_name.startswith(_PREFIX_OCTETS)


def password_of(
    key: bytes, user_name: bytes, mac: MacAddress, client: str, now: datetime
) -> Secret | None:
    """Return the only password that fits the name there and now; None: none does. Never raises."""
    issued_s = _issued_s(user_name)
    if issued_s is None:
        return None
    age_s = now.timestamp() - issued_s
    if not -_AHEAD_S <= age_s < _GOOD_FOR_S:
        return None
    return _password(key, user_name.decode(), mac, client)


def _issued_s(user_name: bytes) -> int | None:
    if not is_login_name(user_name):
        return None
    handle = user_name[len(_PREFIX) :].translate(_FROM_URL)
    try:
        raw = binascii.a2b_base64(handle + b"=" * (-len(handle) % 4), strict_mode=True)
    except binascii.Error:
        return None
    if len(raw) != _TIME_BYTES + RANDOM_BYTES:
        return None
    return int.from_bytes(raw[:_TIME_BYTES], "big")


def _password(key: bytes, user_name: str, mac: MacAddress, client: str) -> Secret:
    message = b"\0".join((b"login", user_name.encode(), mac.encode(), client.encode()))
    signing = _signing(key).copy()
    signing.update(message)
    tag = signing.digest()[:_PASSWORD_BYTES]
    return Secret(binascii.b2a_base64(tag, newline=False).translate(_TO_URL, b"=").decode())


@lru_cache(maxsize=8)
def _signing(key: bytes) -> hmac.HMAC:
    """Return the hash as far as it is the same for every log-in: half of its work."""
    return hmac.new(key, digestmod="sha256")
