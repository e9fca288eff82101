"""MS-CHAPv2: the check of a response, and the answer that proves that we know the password too.

Not MS-CHAP version 1, and no change of passwords. Pure.
The rule to keep: what arrives is read completely or is None; a wrong password is None as well.
Source: RFC 2759 section 8; the attributes RFC 2548 sections 2.1.2, 2.3.2 and 2.3.3.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from radius_bridge.old_ciphers import des_encrypt, md4
from radius_bridge.secret import Secret
from radius_bridge.wire import Packet

MICROSOFT = 311
CHALLENGE = 11
RESPONSE = 25
SUCCESS = 26

_CHALLENGE_OCTETS = 16
_RESPONSE_OCTETS = 50
_DES_KEY_OCTETS = 7
_MAGIC_1 = b"Magic server to client signing constant"
_MAGIC_2 = b"Pad to make it do more than one iteration"


@dataclass(frozen=True, slots=True)
class MsChapLogin:
    """An MS-CHAPv2 log-in as it stands in a request."""

    identifier: int
    user_name: bytes = field(repr=False)
    authenticator_challenge: bytes = field(repr=False)
    peer_challenge: bytes = field(repr=False)
    nt_response: bytes = field(repr=False)


def read_login(request: Packet, user_name: bytes) -> MsChapLogin | None:
    """Read challenge and response; None without exactly one of each, or with a wrong length."""
    challenges = request.vendor(MICROSOFT, CHALLENGE)
    responses = request.vendor(MICROSOFT, RESPONSE)
    if [len(one) for one in challenges] != [_CHALLENGE_OCTETS]:
        return None
    if [len(one) for one in responses] != [_RESPONSE_OCTETS]:
        return None
    response = responses[0]
    return MsChapLogin(response[0], user_name, challenges[0], response[2:18], response[26:])


def answer(login: MsChapLogin, password: Secret) -> bytes | None:
    """Return the value of MS-CHAP2-Success, None when this is not the password (UTF-8)."""
    hashed = md4(_as_utf16(password))
    challenge = challenge_hash(login)
    if not hmac.compare_digest(challenge_response(challenge, hashed), login.nt_response):
        return None
    digest = _sha1(md4(hashed) + login.nt_response + _MAGIC_1)
    proof = _sha1(digest + challenge + _MAGIC_2)
    return bytes((login.identifier,)) + b"S=" + proof.hex().upper().encode("ascii")


def challenge_hash(login: MsChapLogin) -> bytes:
    """Return the 8 octets that both sides encrypt; the domain before the name does not count."""
    name = login.user_name.rpartition(b"\\")[2]
    return _sha1(login.peer_challenge + login.authenticator_challenge + name)[:8]


def challenge_response(challenge: bytes, password_hash: bytes) -> bytes:
    """Return the 24 octets of an NT-Response: the challenge under three keys out of the hash."""
    keys = password_hash + bytes(5)
    return b"".join(
        des_encrypt(keys[at : at + _DES_KEY_OCTETS], challenge)
        for at in range(0, len(keys), _DES_KEY_OCTETS)
    )


def _as_utf16(password: Secret) -> bytes:
    text = password.reveal().decode("utf-8", "surrogateescape")
    return text.encode("utf-16-le", "surrogatepass")


def _sha1(octets: bytes) -> bytes:
    return hashlib.sha1(octets, usedforsecurity=False).digest()
