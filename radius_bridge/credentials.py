"""How a request wants to log in: by password, CHAP, MS-CHAPv2, EAP, or not at all.

Not whether the password is right for somebody: the caller knows passwords, this module only asks
whether one fits. Pure.
The rule to keep: a request shows exactly one way, or it is CONTRADICTORY and gets a Reject; a
password that does not fit and one that cannot be read look the same from outside.
Source: RFC 2865 sections 2.2 and 4.1, RFC 2548 section 2.3, RFC 3579 section 2.2.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from radius_bridge import mschap
from radius_bridge.mschap import MsChapLogin
from radius_bridge.passwords import (
    CHAP_PASSWORD,
    USER_PASSWORD,
    chap_challenge,
    chap_fits,
    reveal_password,
)
from radius_bridge.secret import Secret
from radius_bridge.wire import (
    EAP_MESSAGE,
    VENDOR_SPECIFIC,
    Attribute,
    Packet,
    eap_attributes,
    vendor_attribute,
)

USER_NAME = 1

_EAP_FAILURE = 4
_EAP_HEADER_OCTETS = 4


@dataclass(slots=True, unsafe_hash=True)
class PasswordLogin:
    """PAP: the password itself, which may be that of a person. Nobody changes one (`Secret`)."""

    password: Secret


@dataclass(frozen=True, slots=True)
class ChapLogin:
    """CHAP: only somebody who knows the password in clear can check it."""

    response: bytes = field(repr=False)
    challenge: bytes = field(repr=False)


class NoPassword(StrEnum):
    """Why there is nothing to check."""

    ABSENT = "absent"
    """A device that is known by its address, or a request for service."""
    EAP = "eap"
    """Not offered here: it gets a clean Reject with EAP-Failure."""
    CONTRADICTORY = "contradictory"
    """Several ways at once, or one that cannot be read."""


Credential = PasswordLogin | ChapLogin | MsChapLogin | NoPassword


class Fits(NamedTuple):
    """The password is right; `proof` is what the answer must hold beside (MS-CHAPv2)."""

    proof: tuple[Attribute, ...] = ()


_FITS = Fits()


def read_credential(request: Packet, secret: Secret) -> Credential:
    """Read how a request, already judged, wants to log in."""
    firsts = request.firsts
    hidden = request.every(USER_PASSWORD) if USER_PASSWORD in firsts else ()
    responses = request.every(CHAP_PASSWORD) if CHAP_PASSWORD in firsts else ()
    microsoft = (
        request.vendor(mschap.MICROSOFT, mschap.RESPONSE) if VENDOR_SPECIFIC in firsts else ()
    )
    eap = EAP_MESSAGE in firsts
    count = len(hidden) + len(responses) + len(microsoft) + eap
    if count != 1:
        return NoPassword.CONTRADICTORY if count else NoPassword.ABSENT
    if eap:
        return NoPassword.EAP
    if responses:
        return ChapLogin(responses[0], chap_challenge(request))
    if microsoft:
        name = request.first(USER_NAME) or b""
        return mschap.read_login(request, name) or NoPassword.CONTRADICTORY
    password = reveal_password(hidden[0], request.authenticator, secret)
    return NoPassword.CONTRADICTORY if password is None else PasswordLogin(password)


def check(credential: Credential, password: Secret) -> Fits | None:
    """Compare with the password, in constant time; None: the credential was not made with it."""
    match credential:
        case PasswordLogin(given):
            return _FITS if given.fits(password) else None
        case ChapLogin(response, challenge):
            return _FITS if chap_fits(response, password, challenge) else None
        case MsChapLogin():
            proof = mschap.answer(credential, password)
            if proof is None:
                return None
            return Fits((vendor_attribute(mschap.MICROSOFT, mschap.SUCCESS, proof),))
        case _:
            return None


def eap_failure(request: Packet) -> tuple[Attribute, ...]:
    """Return the EAP-Failure that a Reject must hold, and no Reply-Message beside it.

    Nothing where the request's EAP packet is too short to have an identifier.
    """
    message = request.eap_message or b""
    if len(message) < _EAP_HEADER_OCTETS:
        return ()
    return eap_attributes(bytes((_EAP_FAILURE, message[1], 0, _EAP_HEADER_OCTETS)))
