"""How the verbs are written over the gate's socket: one JSON object a line, answered by one.

Not the verbs (verbs.py), not the socket (server.py, client.py) and not the doing (gate.py). Pure.
The rule to keep: a request is taken apart completely here, or refused with `RefusedError`;
nothing behind this module ever sees an unchecked value.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from firewall.verbs import (
    DEFAULT_PROFILE,
    REMAINING_MAX_S,
    Addresses,
    Admit,
    Changes,
    Counters,
    DeviceUsage,
    Expel,
    Identified,
    Identify,
    OwnPorts,
    Ping,
    Probe,
    ReadAddresses,
    ReadUsage,
    Reconcile,
    RefusedError,
    Request,
    Usage,
    Watch,
)

REQUEST_LINE_MAX_BYTES = 4 * 1024 * 1024
"""A reconcile of 20,000 devices with long profile names is 1.5 MB."""

ANSWER_LINE_MAX_BYTES = 16 * 1024 * 1024
"""The usage of 20,000 devices is 3 MB."""

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")

_PROFILE = re.compile(r"[a-z][a-z0-9_-]{0,31}")

_SCOPED = re.compile(r"(?P<address>[^%]+)(%(?P<interface>[^%/\s]{1,15}))?")


def decode_request(line: bytes) -> Request:
    """Take a request line apart.

    Raises:
        RefusedError: `bad_request`, for anything not exactly a known verb with its fields.
    """
    message = _decode_object(line)
    verb = message.pop("verb", None)
    decode = _DECODERS.get(verb) if isinstance(verb, str) else None
    if decode is None:
        raise RefusedError("bad_request", "unknown verb")
    return decode(message)


def encode_request(request: Request) -> bytes:
    """Write a request as a line; `decode_request` gives it back."""
    match request:
        case Admit(mac, remaining_s, profile):
            body: dict[str, Any] = {"verb": "admit", "mac": mac}
            body |= {"remaining_s": remaining_s, "profile": profile}
        case Expel(mac):
            body = {"verb": "expel", "mac": mac}
        case Reconcile(devices):
            rows = [[device.mac, device.remaining_s, device.profile] for device in devices]
            body = {"verb": "reconcile", "devices": rows}
        case Identify(ip, interface):
            body = {"verb": "identify", "ip": f"{ip}%{interface}" if interface else ip}
        case ReadUsage():
            body = {"verb": "usage"}
        case ReadAddresses():
            body = {"verb": "addresses"}
        case Probe(macs):
            body = {"verb": "probe", "macs": list(macs)}
        case Watch():
            body = {"verb": "watch"}
        case Ping():  # pragma: no branch - the last there is
            body = {"verb": "ping"}
    return encode_line(body)


def encode_line(body: Mapping[str, Any]) -> bytes:
    """Write one JSON object as one line."""
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def encode_counters(counters: Counters) -> list[int]:
    """Write counters as up packets, up bytes, down packets, down bytes."""
    return [counters.up_packets, counters.up_bytes, counters.down_packets, counters.down_bytes]


def decode_counters(row: Sequence[int]) -> Counters:
    """Read what `encode_counters` wrote."""
    return Counters(*row)


def encode_identified(device: Identified) -> dict[str, Any]:
    """Write a device as an answer's body; `Identified(**body)` gives it back."""
    return {"mac": device.mac, "interface": device.interface, "site": device.site}


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Write usage as an answer's body."""
    rows = {
        mac: [
            *encode_counters(device.counters),
            round(device.remaining_s, 3),
            device.profile,
            None if device.heard_s_ago is None else round(device.heard_s_ago, 3),
        ]
        for mac, device in usage.devices.items()
    }
    return {"generation": usage.generation, "devices": rows}


def decode_usage(body: Mapping[str, Any]) -> Usage:
    """Read what `encode_usage` wrote."""
    devices = {
        mac: DeviceUsage(decode_counters(row[:4]), *row[4:]) for mac, row in body["devices"].items()
    }
    return Usage(body["generation"], devices)


def encode_addresses(addresses: Addresses) -> dict[str, Any]:
    """Write ports and addresses as an answer's body."""
    ports = {mac: [own.low, own.high, own.since_s_ago] for mac, own in addresses.ports.items()}
    return {"ports": ports, "ipv6": [list(one) for one in addresses.ipv6]}


def decode_addresses(body: Mapping[str, Any]) -> Addresses:
    """Read what `encode_addresses` wrote."""
    ports = {mac: OwnPorts(*row) for mac, row in body["ports"].items()}
    return Addresses(ports, tuple((mac, address) for mac, address in body["ipv6"]))


def encode_changes(changes: Changes) -> dict[str, Any]:
    """Write changes as an answer's body."""
    expelled = {mac: encode_counters(counters) for mac, counters in changes.expelled.items()}
    return {
        "admitted": list(changes.admitted),
        "changed": list(changes.changed),
        "expelled": expelled,
    }


def decode_changes(body: Mapping[str, Any]) -> Changes:
    """Read what `encode_changes` wrote."""
    expelled = {mac: decode_counters(row) for mac, row in body["expelled"].items()}
    return Changes(tuple(body["admitted"]), tuple(body["changed"]), expelled)


def check_mac(value: object) -> str:
    """Return a device's MAC address in lower case with colons.

    Raises:
        RefusedError: not a MAC address, or one that no device may have as its own.
    """
    if not isinstance(value, str) or not _MAC.fullmatch(value.lower()):
        raise RefusedError("bad_request", "mac must look like 02:00:00:00:00:01")
    mac = value.lower()
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise RefusedError("bad_request", "mac must be a device's own address")
    return mac


def _decode_object(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise RefusedError("bad_request", "not a JSON object on one line") from None
    if not isinstance(message, dict):
        raise RefusedError("bad_request", "not a JSON object on one line")
    return message


def _decode_admit(message: dict[str, Any]) -> Admit:
    mac, remaining_s = _take(message, "mac"), _take(message, "remaining_s")
    profile = message.pop("profile", DEFAULT_PROFILE)
    _refuse_rest(message)
    return _check_admit(mac, remaining_s, profile)


def _decode_expel(message: dict[str, Any]) -> Expel:
    mac = _take(message, "mac")
    _refuse_rest(message)
    return Expel(check_mac(mac))


def _decode_reconcile(message: dict[str, Any]) -> Reconcile:
    rows = _take(message, "devices")
    _refuse_rest(message)
    if not isinstance(rows, list):
        raise RefusedError("bad_request", "devices must be a list of [mac, remaining_s, profile]")
    devices = tuple(_decode_row(row) for row in rows)
    if len({device.mac for device in devices}) != len(devices):
        raise RefusedError("bad_request", "a device is named twice")
    return Reconcile(devices)


def _decode_row(row: object) -> Admit:
    match row:
        case [mac, remaining_s, profile]:
            return _check_admit(mac, remaining_s, profile)
        case _:
            raise RefusedError("bad_request", "a device is [mac, remaining_s, profile]")


def _decode_identify(message: dict[str, Any]) -> Identify:
    ip = _take(message, "ip")
    _refuse_rest(message)
    found = _SCOPED.fullmatch(ip) if isinstance(ip, str) else None
    if found is None:
        raise RefusedError("bad_request", "ip must be an IPv4 or IPv6 address")
    try:
        address = ip_address(found["address"])
    except ValueError:
        raise RefusedError("bad_request", "ip must be an IPv4 or IPv6 address") from None
    mapped = getattr(address, "ipv4_mapped", None)  # a dual-stack listener's view of IPv4
    return Identify(str(mapped or address), found["interface"])


def _decode_usage(message: dict[str, Any]) -> ReadUsage:
    _refuse_rest(message)
    return ReadUsage()


def _decode_read_addresses(message: dict[str, Any]) -> ReadAddresses:
    _refuse_rest(message)
    return ReadAddresses()


def _decode_probe(message: dict[str, Any]) -> Probe:
    macs = _take(message, "macs")
    _refuse_rest(message)
    if not isinstance(macs, list):
        raise RefusedError("bad_request", "macs must be a list")
    return Probe(tuple(dict.fromkeys(check_mac(mac) for mac in macs)))


def _decode_watch(message: dict[str, Any]) -> Watch:
    _refuse_rest(message)
    return Watch()


def _decode_ping(message: dict[str, Any]) -> Ping:
    _refuse_rest(message)
    return Ping()


_DECODERS: dict[str, Callable[[dict[str, Any]], Request]] = {
    "admit": _decode_admit,
    "expel": _decode_expel,
    "reconcile": _decode_reconcile,
    "identify": _decode_identify,
    "usage": _decode_usage,
    "addresses": _decode_read_addresses,
    "probe": _decode_probe,
    "watch": _decode_watch,
    "ping": _decode_ping,
}


def _check_admit(mac: object, remaining_s: object, profile: object) -> Admit:
    if isinstance(remaining_s, bool) or not isinstance(remaining_s, int | float):
        raise RefusedError("bad_request", "remaining_s must be a number")
    # compared before any conversion: JSON integers have no upper bound, floats have
    if not 0 < remaining_s <= REMAINING_MAX_S or not math.isfinite(remaining_s):
        raise RefusedError(
            "bad_request", f"remaining_s must be over 0, up to {REMAINING_MAX_S:.0f}"
        )
    if not isinstance(profile, str) or not _PROFILE.fullmatch(profile):
        raise RefusedError("bad_request", "profile must be a configured name")
    return Admit(check_mac(mac), float(remaining_s), profile)


def _take(message: dict[str, Any], name: str) -> Any:
    try:
        return message.pop(name)
    except KeyError:
        raise RefusedError("bad_request", f"{name} is missing") from None


def _refuse_rest(message: Mapping[str, Any]) -> None:
    if message:
        raise RefusedError("bad_request", "unknown field")
