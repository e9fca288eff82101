"""What Ruckus' northbound interface is asked, and what it answers.

Not the connection: bodies in, bodies out. Pure.
The rule to keep: the controller asks us by RADIUS before it answers a login, and may answer that
it is still at it; then the state is asked for until it is known.
Source: Ruckus "Hotspot WISPr API Reference" 800-73417-001 Rev B; RUCKUS One, "WISPr API" (JSON
responses).
"""

from collections.abc import Mapping
from enum import StrEnum

from radius_bridge.secret import Secret
from radius_bridge.vendors.family import LoginToken

_VERSION = "1.0"
_LOGIN = "LoginAsync"
_DATA = "Data"


class Answer(StrEnum):
    """What became of a request."""

    AUTHORISED = "authorised"
    UNAUTHORISED = "unauthorised"
    """The device is known, and outside."""
    PENDING = "pending"
    """Ask again in a second."""
    DONE = "done"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    """The login failed: our own answer by RADIUS was a Reject."""
    MISCONFIGURED = "misconfigured"
    """The password of the interface is wrong, or it does not know such a request."""
    UNAVAILABLE = "unavailable"
    """An error of the controller or of its way to us, or nothing that can be read."""


_ANSWERS = {
    100: Answer.UNAUTHORISED,
    101: Answer.AUTHORISED,
    200: Answer.DONE,
    201: Answer.AUTHORISED,
    202: Answer.PENDING,
    300: Answer.NOT_FOUND,
    301: Answer.REFUSED,
    302: Answer.MISCONFIGURED,
    303: Answer.MISCONFIGURED,
    304: Answer.MISCONFIGURED,
    305: Answer.MISCONFIGURED,
    306: Answer.MISCONFIGURED,
}


def login(parameters: Mapping[str, str], token: LoginToken, password: Secret) -> dict[str, str]:
    """Return the request that lets a device in, which is answered before it is done.

    ``parameters`` are those of the redirect, ``password`` is that of the interface.
    """
    credentials = {
        "UE-Username": token.user_name,
        "UE-Password": token.as_typed(),
    }
    return _request(parameters, password, _LOGIN) | credentials


def status(parameters: Mapping[str, str], password: Secret) -> dict[str, str]:
    """Return the question whether a device is in."""
    return _request(parameters, password, "Status")


def disconnect(parameters: Mapping[str, str], password: Secret) -> dict[str, str]:
    """Return the request that ends a session and the device's association."""
    return _request(parameters, password, "Disconnect")


def decrypt(hidden: str, password: Secret) -> dict[str, str]:
    """Return the question what a hidden address (``ENC…``) is."""
    return {**_head(password), "RequestCategory": "GetConfig", "RequestType": "Decrypt"} | {
        _DATA: hidden
    }


def read_answer(body: object) -> Answer:
    """Read the answer to anything but `decrypt`; an unknown one is no success."""
    code = body.get("ResponseCode") if isinstance(body, dict) else None
    return _ANSWERS.get(code, Answer.UNAVAILABLE) if isinstance(code, int) else Answer.UNAVAILABLE


def read_decrypted(body: object) -> str | None:
    """Read the answer to `decrypt`; None: it is none."""
    if not isinstance(body, dict) or read_answer(body) is not Answer.DONE:
        return None
    clear = body.get(_DATA)
    return clear if isinstance(clear, str) else None


def _request(parameters: Mapping[str, str], password: Secret, kind: str) -> dict[str, str]:
    return {
        **_head(password),
        "RequestCategory": "UserOnlineControl",
        "RequestType": kind,
        "UE-IP": parameters["client_ip"],
        "UE-MAC": parameters["client_mac"],
        "UE-Proxy": parameters["proxy"],
    }


def _head(password: Secret) -> dict[str, str]:
    return {
        "Vendor": "ruckus",
        "RequestUserName": "api",
        "RequestPassword": password.reveal().decode("utf-8", "replace"),
        "APIVersion": _VERSION,
    }
