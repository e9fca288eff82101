"""PURE: what accounts are called: a keyed hash of who tells of which device under which number.

The rule to keep: a name stays as it is from release to release, for the same visit is told of
before and after an upgrade, and would stand twice under two names.
"""

import hashlib
from functools import lru_cache

_BLOCK_OCTETS = 64
_INNER, _OUTER = 0x36, 0x5C
"""RFC 2104 section 2."""

_ACCESS_POINTS_MAX = 4_096
"""Whose beginnings of names are remembered."""


class AccountNames:
    """HMAC-SHA-256 over parts that tell their lengths.

    Not `hmac.digest`, which begins with the key each time: that takes twice as long. What is the
    same for all names of an access point is done once.
    """

    def __init__(self, key: bytes) -> None:
        short = key if len(key) <= _BLOCK_OCTETS else hashlib.sha256(key).digest()
        block = short.ljust(_BLOCK_OCTETS, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ _INNER for octet in block))
        self._outer = hashlib.sha256(bytes(octet ^ _OUTER for octet in block))
        self._begun = lru_cache(_ACCESS_POINTS_MAX)(self._begin)

    def name(self, client: str, nas: bytes, session_id: bytes, mac: str) -> bytes:
        """Return 32 octets; ``nas`` and ``session_id`` are as the access point wrote them."""
        inner, outer = self._begun(client, nas).copy(), self._outer.copy()
        inner.update(_framed(session_id) + _framed(mac.encode()))
        outer.update(inner.digest())
        return outer.digest()

    def _begin(self, client: str, nas: bytes) -> "hashlib._Hash":
        inner = self._inner.copy()
        inner.update(_framed(client.encode()) + _framed(nas))
        return inner


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part
