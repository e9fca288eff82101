"""Who sent a packet: Request and Response Authenticators, and Message-Authenticator.

Not what the packet may do: whether an unproven request is served is the client's setting. Pure:
the random authenticator of an Access-Request is given by the caller.
The rule to keep: what is verified are the packet's own octets (`encode` gives back exactly what
`decode` took), every comparison takes constant time, and what we sign begins with
Message-Authenticator, so that an attacker cannot choose what stands before it (CVE-2024-3596).
Source: RFC 2865 section 3, RFC 2866 section 3, RFC 3579 section 3.2, RFC 5176 sections 2.3 and
3.4, RFC 5997 sections 3 and 4; draft-ietf-radext-deprecating-radius for the place of the first.
"""

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache, partial

from radius_bridge.secret import Secret
from radius_bridge.wire import (
    AUTHENTICATOR_OCTETS,
    EAP_MESSAGE,
    HEADER_OCTETS,
    Attribute,
    Code,
    Packet,
    Request,
    UnsendableError,
    encode,
    encode_attributes,
    frame,
)

MESSAGE_AUTHENTICATOR = 80
PROXY_STATE = 33

_ZEROS = bytes(AUTHENTICATOR_OCTETS)
_ATTRIBUTE_HEADER_OCTETS = 2
_KIND = bytes((MESSAGE_AUTHENTICATOR,))
_STATE = bytes((PROXY_STATE,))
_HEAD = bytes((MESSAGE_AUTHENTICATOR, _ATTRIBUTE_HEADER_OCTETS + AUTHENTICATOR_OCTETS))
_BLANK = _HEAD + _ZEROS
_FIRST_AT = HEADER_OCTETS + len(_HEAD)
"""Where the proof stands when it is the first attribute."""

_BLOCK_OCTETS = 64
_INNER, _OUTER = 0x36, 0x5C
"""RFC 2104 section 2."""
_SECRETS_MAX = 4096
"""More clients than one server has."""

_RANDOM_REQUESTS = frozenset({Code.ACCESS_REQUEST, Code.STATUS_SERVER})
"""Their authenticator is random: without Message-Authenticator nothing proves who sent them."""
_KEYED_REQUESTS = frozenset({Code.ACCOUNTING_REQUEST, Code.DISCONNECT_REQUEST, Code.COA_REQUEST})
"""Their authenticator is a hash over packet and shared secret."""

_ACCESS_REPLIES = frozenset({Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE})
_REPLIES: dict[int, frozenset[Code]] = {
    Code.ACCESS_REQUEST: _ACCESS_REPLIES,
    Code.STATUS_SERVER: frozenset({Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE}),
    Code.ACCOUNTING_REQUEST: frozenset({Code.ACCOUNTING_RESPONSE}),
    Code.DISCONNECT_REQUEST: frozenset({Code.DISCONNECT_ACK, Code.DISCONNECT_NAK}),
    Code.COA_REQUEST: frozenset({Code.COA_ACK, Code.COA_NAK}),
}


_md5 = partial(hashlib.md5, usedforsecurity=False)
"""The hash is the protocol's own; whoever can, carries it inside TLS."""


class Verdict(StrEnum):
    """What the authenticators of a packet say. Only GENUINE may be trusted."""

    GENUINE = "genuine"
    UNPROVEN = "unproven"
    """Without Message-Authenticator where only that could prove it: an older access point's
    Access-Request, served by a client's exception at most; or the reply to one of ours."""
    FORGED = "forged"
    """Discard it in silence, before it touches anything."""


# To look a member up in its class takes as long as to compare two packets.
_ACCOUNTING_REQUEST = Code.ACCOUNTING_REQUEST
_GENUINE = Verdict.GENUINE
_UNPROVEN = Verdict.UNPROVEN


def judge_request(packet: Packet, secret: Secret) -> Verdict:
    """Judge what claims to be a request of the client with this secret.

    Message-Authenticator counts wherever it stands; two of them, one of another length and a
    wrong one are FORGED, and so are a code that is no request, and EAP and Status-Server
    without one.
    """
    octets, place = _octets_and_place(packet)
    if packet.code in _RANDOM_REQUESTS:
        proof = _judge_message_authenticator(octets, place, packet.authenticator, secret)
        if proof is not _UNPROVEN:
            return proof
        must = packet.code == Code.STATUS_SERVER or packet.first(EAP_MESSAGE) is not None
        return Verdict.FORGED if must else proof
    if packet.code not in _KEYED_REQUESTS or not _is_keyed(octets, _ZEROS, secret):
        return Verdict.FORGED
    proof = _judge_message_authenticator(octets, place, _ZEROS, secret)
    return Verdict.FORGED if proof is Verdict.FORGED else Verdict.GENUINE


def judge_reply(reply: Packet, request: Packet, secret: Secret) -> Verdict:
    """Judge what claims to be the reply to our request, as it was sent.

    An Access-Accept, Reject or Challenge without Message-Authenticator is UNPROVEN: its Response
    Authenticator can be forged (CVE-2024-3596), which takes a Proxy-State in it that we never
    sent: any such is FORGED. In an Accounting-Response the proof, which no RFC
    asks for, is computed as FreeRADIUS does, over an authenticator of zeros.
    """
    if reply.code not in _REPLIES.get(request.code, ()) or reply.identifier != request.identifier:
        return Verdict.FORGED
    if not set(reply.every(PROXY_STATE)) <= set(request.every(PROXY_STATE)):
        return Verdict.FORGED
    octets = encode(reply)
    if not _is_keyed(octets, request.authenticator, secret):
        return Verdict.FORGED
    plain = request.code == Code.ACCOUNTING_REQUEST
    proved = _ZEROS if plain else request.authenticator
    proof = _judge_message_authenticator(octets, _place(octets), proved, secret)
    if proof is Verdict.UNPROVEN and reply.code not in _ACCESS_REPLIES:
        return Verdict.GENUINE
    return proof


def sign_request(request: Packet, secret: Secret) -> bytes:
    """Write a request, Message-Authenticator first.

    Of an Access-Request and a Status-Server the authenticator must be 16 random octets; of the
    others it is computed, whatever the packet holds.

    Raises:
        UnsendableError: no request, too long, or it holds a Message-Authenticator already.
    """
    is_random = request.code in _RANDOM_REQUESTS
    if not is_random and request.code not in _KEYED_REQUESTS:
        raise UnsendableError(f"code {request.code} is no request")
    body = _body(request.attributes)
    authenticator = request.authenticator if is_random else _ZEROS
    proved = _prove(request.code, request.identifier, authenticator, body, secret)
    return proved if is_random else _key(proved, secret)


def sign_reply(
    code: Code, attributes: Sequence[Attribute], request: Packet, secret: Secret
) -> bytes:
    """Write the reply to a request: Message-Authenticator first, its Proxy-States copied last.

    Only the answer to an Accounting-Request goes without Message-Authenticator: its keyed
    request cannot be forged as CVE-2024-3596 does, access points expect nothing in it, and they
    would not agree how to compute it.

    Raises:
        UnsendableError: it answers no such request, holds what is added here, or is too long
            (with the Proxy-States of the request, which nobody can shorten).
    """
    asked = request.code
    if code not in _REPLIES.get(asked, ()):
        raise UnsendableError(f"code {code} answers no request of code {asked}")
    body = _body(attributes)
    if _STATE in body and PROXY_STATE in {kind for kind, _ in attributes}:
        raise UnsendableError("Proxy-State is copied from the request")
    if PROXY_STATE in request.firsts:
        copied = request.every(PROXY_STATE)
        body += encode_attributes(Attribute(PROXY_STATE, state) for state in copied)
    identifier, authenticator = request.identifier, request.authenticator
    if asked == _ACCOUNTING_REQUEST:
        return _key(frame(code, identifier, authenticator, body), secret)
    return _key(_prove(code, identifier, authenticator, body, secret), secret)


def _octets_and_place(packet: Packet) -> tuple[bytes, int | None]:
    """Return the packet's own octets, and the `_place` of its proof."""
    if not isinstance(packet, Request):
        octets = encode(packet)
    elif packet.octets.startswith(_HEAD, HEADER_OCTETS) and not packet.repeats:
        return packet.octets, _FIRST_AT  # as we and most write it, and there is no other
    else:
        octets = packet.octets
    return octets, _place(octets)


def _judge_message_authenticator(
    octets: bytes, place: int | None, authenticator: bytes, secret: Secret
) -> Verdict:
    if not place:
        return Verdict.FORGED if place is None else Verdict.UNPROVEN
    after = place + AUTHENTICATOR_OCTETS
    proved = octets[:4] + authenticator + octets[HEADER_OCTETS:place] + _ZEROS + octets[after:]
    is_right = hmac.compare_digest(_proof(proved, secret), octets[place:after])
    return _GENUINE if is_right else Verdict.FORGED


def _place(octets: bytes) -> int | None:
    """Return where the proof's 16 octets stand, 0 without one, None for two or another length."""
    at, end, place = HEADER_OCTETS, len(octets), 0
    while at < end:
        length = octets[at + 1]
        if octets[at] == MESSAGE_AUTHENTICATOR:
            if place or length != len(_BLANK):
                return None
            place = at + _ATTRIBUTE_HEADER_OCTETS
        at += length
    return place


def _body(attributes: Sequence[Attribute]) -> bytes:
    """Write what is to be proved.

    Raises:
        UnsendableError: it cannot be written, or holds a Message-Authenticator already.
    """
    body = encode_attributes(attributes)
    # Where a number stands nowhere at all, no attribute has it: most need not be looked through.
    if _KIND in body and MESSAGE_AUTHENTICATOR in {kind for kind, _ in attributes}:
        raise UnsendableError("Message-Authenticator is added when a packet is signed")
    return body


def _prove(code: int, identifier: int, authenticator: bytes, body: bytes, secret: Secret) -> bytes:
    """Write the packet with this authenticator, and its proof as the first attribute."""
    octets = frame(code, identifier, authenticator, _BLANK + body)
    return octets[:_FIRST_AT] + _proof(octets, secret) + body


def _proof(octets: bytes, secret: Secret) -> bytes:
    """HMAC-MD5. `hmac.digest` begins with the secret each time, which is half of its work."""
    inner_begun, outer_begun = _begun(secret.value)
    inner, outer = inner_begun.copy(), outer_begun.copy()
    inner.update(octets)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=_SECRETS_MAX)
def _begun(secret: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Return both hashes of RFC 2104 as far as they are the same for every packet."""
    short = secret if len(secret) <= _BLOCK_OCTETS else _md5(secret).digest()
    key = short.ljust(_BLOCK_OCTETS, b"\0")
    return _md5(bytes(octet ^ _INNER for octet in key)), _md5(
        bytes(octet ^ _OUTER for octet in key)
    )


def _is_keyed(octets: bytes, authenticator: bytes, secret: Secret) -> bool:
    keyed = octets[:4] + authenticator + octets[HEADER_OCTETS:]
    return hmac.compare_digest(_keyed_hash(keyed, secret), octets[4:HEADER_OCTETS])


def _key(octets: bytes, secret: Secret) -> bytes:
    return octets[:4] + _keyed_hash(octets, secret) + octets[HEADER_OCTETS:]


def _keyed_hash(octets: bytes, secret: Secret) -> bytes:
    return _md5(octets + secret.value).digest()
