"""Passwords in attributes: User-Password, CHAP-Password, Tunnel-Password and its kin.

Not whose password is right, and not MS-CHAP (mschap.py). Pure: salts are given by the caller.
The rule to keep: what arrives is revealed or None, never half; what is revealed is a `Secret`.
Source: RFC 2865 sections 2.2, 5.2 and 5.3; RFC 2868 section 3.5; RFC 2548 section 2.4.2.
"""

import hashlib
import hmac

from radius_bridge.secret import Secret
from radius_bridge.wire import Packet, UnsendableError

USER_PASSWORD = 2
CHAP_PASSWORD = 3
CHAP_CHALLENGE = 60

USER_PASSWORD_MAX_OCTETS = 128
SALTED_MAX_OCTETS = 239
"""What tag, salt, the octet of its length and whole blocks leave of 253 octets."""

_BLOCK = 16
_SALT = 2
_SALT_TOP_BIT = 0x80
_CHAP_OCTETS = 17


def hide_password(password: Secret, authenticator: bytes, secret: Secret) -> bytes:
    """Return the value of User-Password, in a request with this authenticator.

    Raises:
        UnsendableError: longer than 128 octets.
    """
    clear = password.reveal()
    if len(clear) > USER_PASSWORD_MAX_OCTETS:
        raise UnsendableError("a password has at most 128 octets")
    return _hide(_padded(clear or b"\0"), secret.reveal(), authenticator)


def reveal_password(hidden: bytes, authenticator: bytes, secret: Secret) -> Secret | None:
    """Return what User-Password holds, without the zeros at its end; None for a wrong length.

    With a wrong shared secret it is noise, which only Message-Authenticator can tell.
    """
    if not hidden or len(hidden) % _BLOCK or len(hidden) > USER_PASSWORD_MAX_OCTETS:
        return None
    return Secret(_reveal(hidden, secret.reveal(), authenticator).rstrip(b"\0"))


def chap_challenge(request: Packet) -> bytes:
    """Return the challenge of a CHAP log-in: an attribute, or else the authenticator."""
    challenge = request.first(CHAP_CHALLENGE)
    return request.authenticator if challenge is None else challenge


def chap_response(identifier: int, password: Secret, challenge: bytes) -> bytes:
    """Return the value of CHAP-Password for this challenge."""
    head = bytes((identifier,))
    return head + _md5(head + password.reveal() + challenge)


def chap_fits(response: bytes, password: Secret, challenge: bytes) -> bool:
    """Say whether the value of a CHAP-Password was made with this password."""
    if len(response) != _CHAP_OCTETS:
        return False
    return hmac.compare_digest(chap_response(response[0], password, challenge), response)


def hide_salted(clear: Secret, salt: int, authenticator: bytes, secret: Secret) -> bytes:
    """Return salt and hidden octets: Tunnel-Password after its tag, Aruba-MPSK-Passphrase, ...

    `authenticator` is that of the request that is answered. `salt`, 15 bits, must be another one
    for each attribute of the packet.

    Raises:
        UnsendableError: longer than 239 octets.
    """
    octets = clear.reveal()
    if len(octets) > SALTED_MAX_OCTETS:
        raise UnsendableError("a salted value has at most 239 octets")
    head = (_SALT_TOP_BIT << 8 | salt & 0x7FFF).to_bytes(_SALT, "big")
    padded = _padded(bytes((len(octets),)) + octets)
    return head + _hide(padded, secret.reveal(), authenticator + head)


def reveal_salted(value: bytes, authenticator: bytes, secret: Secret) -> Secret | None:
    """Return what `hide_salted` hid; None for a wrong length, or a salt without its top bit."""
    salt, hidden = value[:_SALT], value[_SALT:]
    if not hidden or len(hidden) % _BLOCK or salt[0] < _SALT_TOP_BIT:
        return None
    clear = _reveal(hidden, secret.reveal(), authenticator + salt)
    length = clear[0]
    return Secret(clear[1 : 1 + length]) if length < len(clear) else None


def _hide(clear: bytes, secret: bytes, start: bytes) -> bytes:
    hidden = b""
    for at in range(0, len(clear), _BLOCK):
        start = _xor(clear[at : at + _BLOCK], _md5(secret + start))
        hidden += start
    return hidden


def _reveal(hidden: bytes, secret: bytes, start: bytes) -> bytes:
    pad = _md5(secret + start)
    for at in range(0, len(hidden) - _BLOCK, _BLOCK):
        pad += _md5(secret + hidden[at : at + _BLOCK])
    return _xor(hidden, pad)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % _BLOCK)


def _xor(left: bytes, right: bytes) -> bytes:
    both = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return both.to_bytes(len(left), "big")


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()
