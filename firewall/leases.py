"""Leases of dnsmasq: which address belongs to which device, until when.

Not a DHCP server and no watcher of files (gate.py reads them). Pure.
Source: dnsmasq's lease file, one `expiry mac ip name client-id` a line; DHCPv6 lines follow a
`duid` line and name no MAC.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

_EXPIRY = re.compile(r"[0-9]{1,12}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class Lease:
    """A device's hold on an address until a second on the wall clock; 0 is for ever."""

    mac: bytes
    expiry: int


def decode_leases(text: str, now: float) -> dict[bytes, Lease]:
    """Read the leases by IPv4 address; ended ones are left out.

    Lines that cannot be read are passed over: the file is another program's, and a lease that
    is not known only means that its address is not guarded.

    Args:
        text: the file.
        now: the wall clock, seconds since 1970, as the file counts.
    """
    leases: dict[bytes, Lease] = {}
    for line in text.splitlines():
        match line.lower().split():
            case [expiry, mac, address, *_] if _EXPIRY.fullmatch(expiry) and _MAC.fullmatch(mac):
                ip = _decode_address(address)
                if ip is not None and (int(expiry) > now or not int(expiry)):
                    leases[ip] = Lease(bytes.fromhex(mac.replace(":", "")), int(expiry))
    return leases


def _decode_address(text: str) -> bytes | None:
    try:
        return IPv4Address(text).packed
    except AddressValueError:
        return None
