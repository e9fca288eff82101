"""What a UniFi controller is asked, by its official and by its classic interface.

Not the connection: paths and bodies in, answers out. Pure.
The rule to keep: both count in whole minutes, so that what is left is rounded up: the session
engine ends a session on time, and the controller never before it.
Source: Ubiquiti, "Third-Party External Captive Portal" (help.ui.com 31228198640023), Network 9.1;
classic: Art-of-WiFi/UniFi-API-client 2.
"""

import re
from collections.abc import Iterator, Mapping

from radius_bridge.access import Grant
from radius_bridge.mac_address import read_mac
from radius_bridge.vendors.standard import kbit_s

MINUTES_MAX = 1_000_000
RATE_MIN_KBIT_S = 2
RATE_MAX_KBIT_S = 100_000
"""What the official interface takes; a wider limit is none."""

_MINUTE_S = 60
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OFFICIAL = "/proxy/network/integration/v1"
_OK = "ok"


def minutes(session_timeout_s: int) -> int:
    """Return what is left in minutes, rounded up."""
    return max(1, min(-(-session_timeout_s // _MINUTE_S), MINUTES_MAX))


def sites_path() -> str:
    """Return where the official interface lists its sites."""
    return f"{_OFFICIAL}/sites"


def read_site(body: object, name: str) -> str | None:
    """Return the identifier of a site by the name in its addresses; None: there is none."""
    for entry in _entries(body):
        if entry.get("internalReference") == name:
            return _identifier(entry)
    return None


def client_path(site: str, mac: str) -> str:
    """Return where the official interface finds a device."""
    return f"{_OFFICIAL}/sites/{site}/clients?filter=macAddress.eq('{mac}')"


def read_client(body: object, mac: str) -> str | None:
    """Return the identifier of a device; None: the controller does not know it."""
    for entry in _entries(body):
        found = entry.get("macAddress")
        if isinstance(found, str) and read_mac(found.encode("utf-8", "replace")) == mac:
            return _identifier(entry)
    return None


def action_path(site: str, client: str) -> str:
    """Return where the official interface takes actions on a device."""
    return f"{_OFFICIAL}/sites/{site}/clients/{client}/actions"


def authorise(grant: Grant) -> dict[str, str | int]:
    """Return the official action that lets a device in; `rx` is what the device sends."""
    up, down = grant.bandwidth.upload_bit_s, grant.bandwidth.download_bit_s
    return {
        "action": "AUTHORIZE_GUEST_ACCESS",
        "timeLimitMinutes": minutes(grant.session_timeout_s),
        **_rate("rxRateLimitKbps", up),
        **_rate("txRateLimitKbps", down),
    }


def unauthorise() -> dict[str, str | int]:
    """Return the official action that takes it back."""
    return {"action": "UNAUTHORIZE_GUEST_ACCESS"}


def classic_path(site: str) -> str:
    """Return where the classic interface takes commands; on UniFi OS behind `/proxy/network`."""
    return f"/api/s/{site}/cmd/stamgr"


def classic_client_path(site: str, mac: str) -> str:
    """Return where the classic interface shows a device."""
    return f"/api/s/{site}/stat/sta/{mac}"


def classic_authorise(grant: Grant, mac: str, access_point: str) -> dict[str, str | int]:
    """Return the classic command that lets a device in; told the access point, it is faster."""
    up, down = grant.bandwidth.upload_bit_s, grant.bandwidth.download_bit_s
    return {
        "cmd": "authorize-guest",
        "mac": mac,
        "minutes": minutes(grant.session_timeout_s),
        **({} if up is None else {"up": kbit_s(up)}),
        **({} if down is None else {"down": kbit_s(down)}),
        "ap_mac": access_point,
    }


def classic_unauthorise(mac: str) -> dict[str, str | int]:
    """Return the classic command that takes it back."""
    return {"cmd": "unauthorize-guest", "mac": mac}


def classic_succeeded(body: object) -> bool:
    """Tell whether a classic answer says so itself, whatever its status."""
    meta = body.get("meta") if isinstance(body, dict) else None
    return isinstance(meta, dict) and meta.get("rc") == _OK


def classic_knows(body: object, mac: str) -> bool:
    """Tell whether a classic answer shows this device."""
    return classic_succeeded(body) and any(entry.get("mac") == mac for entry in _entries(body))


def _entries(body: object) -> Iterator[Mapping[object, object]]:
    entries = body.get("data") if isinstance(body, dict) else None
    if isinstance(entries, list):
        yield from (entry for entry in entries if isinstance(entry, dict))


def _identifier(entry: Mapping[object, object]) -> str | None:
    """Return an identifier that is safe to stand in a path."""
    found = entry.get("id")
    return found if isinstance(found, str) and _UUID.fullmatch(found) else None


def _rate(name: str, bit_s: int | None) -> dict[str, int]:
    if bit_s is None or kbit_s(bit_s) > RATE_MAX_KBIT_S:
        return {}
    return {name: max(RATE_MIN_KBIT_S, kbit_s(bit_s))}
