"""What an Omada controller is asked, and what it answers.

Not the connection: paths and bodies in, answers out. Pure.
The rule to keep: nobody outside TP-Link says for certain what the number in `time` counts, so it is
a setting; a wrong one lets guests in for seconds or for years, and neither is silent in the log.
Source: TP-Link FAQ 3231 (Omada Controller 5.0.15 or above) and FAQ 2907.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from radius_bridge.secret import Secret

_CONTROLLER = re.compile("[0-9a-f]{32}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,256}")
_EXTERNAL_PORTAL = 4
_NUMBERS = frozenset({"radioId", "vid"})


class TimeUnit(StrEnum):
    """What `time` means: TP-Link's sample has milliseconds, code in the field the others."""

    FOR_MILLISECONDS = "for_milliseconds"
    FOR_MICROSECONDS = "for_microseconds"
    UNTIL_MICROSECONDS = "until_microseconds"
    """Since 1970."""


def login_path(controller: str) -> str:
    """Return where an operator logs in; version 4 has no controller's identifier."""
    return f"{_prefix(controller)}/login"


def login(name: str, password: Secret) -> dict[str, str]:
    """Return the log-in of a hotspot operator."""
    return {"name": name, "password": password.reveal().decode("utf-8", "replace")}


def read_token(body: object) -> str | None:
    """Return what goes into the header `Csrf-Token`; None: the log-in failed."""
    result = body.get("result") if isinstance(body, dict) and succeeded(body) else None
    token = result.get("token") if isinstance(result, dict) else None
    return token if isinstance(token, str) and _TOKEN.fullmatch(token) else None


def authorise_path(controller: str) -> str:
    """Return where a device is let in."""
    return f"{_prefix(controller)}/extPortal/auth"


def authorise(
    parameters: Mapping[str, str], session_timeout_s: int, now: datetime, unit: TimeUnit
) -> dict[str, str | int]:
    """Return the request that lets a device in, with the redirect's parameters as they came."""
    told = {key: value for key, value in parameters.items() if key != "form"}
    numbers: dict[str, str | int] = {key: int(told.pop(key)) for key in _NUMBERS & told.keys()}
    time = _time(timedelta(seconds=max(1, session_timeout_s)), now, unit)
    return {**told, **numbers, "time": time, "authType": _EXTERNAL_PORTAL}


def succeeded(body: object) -> bool:
    """Tell whether an answer says so itself, whatever its status."""
    code = body.get("errorCode") if isinstance(body, dict) else None
    return code == "0" or (code == 0 and code is not False)


def is_controller(text: str) -> bool:
    """Tell whether this is a controller's identifier, or empty, as in version 4."""
    return not text or _CONTROLLER.fullmatch(text) is not None


def _prefix(controller: str) -> str:
    return f"/{controller}/api/v2/hotspot" if controller else "/api/v2/hotspot"


def _time(left: timedelta, now: datetime, unit: TimeUnit) -> int:
    match unit:
        case TimeUnit.FOR_MILLISECONDS:
            return left // timedelta(milliseconds=1)
        case TimeUnit.FOR_MICROSECONDS:
            return left // timedelta(microseconds=1)
        case _:
            return int((now + left).timestamp()) * 1_000_000
