"""MAC addresses in every spelling that access points use, and what stands behind them.

Pure and total: what is no MAC address is None, whatever it is given.
The rule to keep: one device has one spelling here, ``aa:bb:cc:dd:ee:ff``, and a text counts as an
address only when the whole of it is one: some clients put an IP address in its place.
Source: RFC 3580 section 3.20 and 3.21 (``AA-BB-CC-DD-EE-FF:SSID``); the other spellings are those
of MikroTik's radius-mac-format, Cisco, Aruba, hostapd and CoovaChilli.
"""

import re
from functools import lru_cache
from ipaddress import ip_address

_SPELLINGS = re.compile(
    rb"[0-9A-Fa-f]{2}([-:. ])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    rb"|[0-9A-Fa-f]{4}([-:. ])[0-9A-Fa-f]{4}\2[0-9A-Fa-f]{4}"
    rb"|[0-9A-Fa-f]{6}[-:. ]?[0-9A-Fa-f]{6}"
)
_SEPARATORS = b"-:. "
_GROUP_BIT = 0x01
_NOBODY = "00:00:00:00:00:00"

_DEVICES_MAX = 16_384
_ACCESS_POINTS_MAX = 4_096
"""The same devices and access points tell their names again and again; reading one takes more than
a microsecond. Only judged packets are read, so no stranger pushes them out."""


def read_mac(text: bytes) -> str | None:
    """Return the address that this text is."""
    found = _SPELLINGS.fullmatch(text)
    return None if found is None else _canonical(text)


@lru_cache(maxsize=_DEVICES_MAX)
def read_device(text: bytes) -> str | None:
    """Return the address of one device: not zeros, which some send when there is none, no group."""
    mac = read_mac(text)
    if mac is None or mac == _NOBODY or int(mac[:2], 16) & _GROUP_BIT:
        return None
    return mac


@lru_cache(maxsize=_DEVICES_MAX)
def read_name(text: bytes) -> str | None:
    """Return the address that a User-Name is, whatever suffix the access point puts behind it.

    A suffix (CoovaChilli's ``macsuffix``) begins with something else than a letter or a digit.
    """
    found = _SPELLINGS.match(text)
    if found is None or text[found.end() : found.end() + 1].isalnum():
        return None
    return _canonical(found[0])


def is_name_of(text: bytes, mac: str) -> bool:
    """Say whether a User-Name is this address, in any spelling.

    Most are bare and in lower case: to write that costs less than to look among all devices.
    """
    return text == bare(mac).encode("ascii") or read_name(text) == mac


@lru_cache(maxsize=_ACCESS_POINTS_MAX)
def read_called(text: bytes) -> tuple[bytes, bytes]:
    """Divide a Called-Station-Id into address and SSID.

    An access point's MAC address is put into the one spelling; a name stays as it is. Without an
    SSID it is empty, as on a wired port.
    """
    found = _SPELLINGS.match(text)
    if found is not None and text[found.end() : found.end() + 1] in {b"", b":"}:
        return _canonical(found[0]).encode("ascii"), text[found.end() + 1 :]
    if _is_ip_address(text):
        return text, b""
    called, _, ssid = text.partition(b":")
    return called, ssid


def dashed(mac: str) -> str:
    """Return ``AA-BB-CC-DD-EE-FF``, which most access points send (RFC 3580 section 3.21)."""
    return mac.replace(":", "-").upper()


def bare(mac: str) -> str:
    """Return ``aabbccddeeff``."""
    return mac.replace(":", "")


def _canonical(spelling: bytes) -> str:
    digits = spelling.translate(None, _SEPARATORS).decode("ascii")
    return bytes.fromhex(digits).hex(":")


def _is_ip_address(text: bytes) -> bool:
    try:
        ip_address(text.decode("ascii", "replace"))
    except ValueError:
        return False
    return True
