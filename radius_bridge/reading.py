"""What a packet tells: the device and where it is, the question about it, the record of its use.

Not whether the packet is genuine (authenticators.py): only judged packets come here. Pure and
total: an attribute that cannot be read counts as absent.
The rule to keep: every packet is read in one pass, because this is done for each of them; nothing
that decides about rights follows from an attribute which the device could choose.
Source: RFC 2865 section 5, RFC 2866 section 5, RFC 2869 sections 5.1 to 5.3, RFC 4372 section 2.1,
RFC 6911 section 3.1.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address

from radius_bridge.access import AccessQuestion, Station
from radius_bridge.accounting import AccountingRecord
from radius_bridge.clients import RadiusClient
from radius_bridge.credentials import NoPassword, read_credential
from radius_bridge.dictionary import AccountingStatus, TerminateCause, Vendor
from radius_bridge.mac_address import is_name_of, read_called, read_device
from radius_bridge.wire import VENDOR_SPECIFIC, Packet, split_vendor

_USER_NAME = 1
_NAS_IP_ADDRESS = 4
_NAS_PORT = 5
_FRAMED_IP_ADDRESS = 8
_CLASS = 25
_CALLED_STATION_ID = 30
_CALLING_STATION_ID = 31
_NAS_IDENTIFIER = 32
_STATUS_TYPE = 40
_DELAY_TIME = 41
_INPUT_OCTETS = 42
_OUTPUT_OCTETS = 43
_SESSION_ID = 44
_SESSION_TIME = 46
_TERMINATE_CAUSE = 49
_MULTI_SESSION_ID = 50
_INPUT_GIGAWORDS = 52
_OUTPUT_GIGAWORDS = 53
_EVENT_TIMESTAMP = 55
_CUI = 89
_NAS_IPV6_ADDRESS = 95
_FRAMED_IPV6_ADDRESS = 168

_CISCO_AVPAIR = (Vendor.CISCO, 1)
_AUDIT_SESSION_ID = b"audit-session-id="
_SSIDS = frozenset({(Vendor.ARUBA, 5), (Vendor.RUCKUS, 3), (Vendor.FORTINET, 7)})
"""Where a vendor names the SSID that Called-Station-Id leaves out."""

_INTEGER_OCTETS = 4
_IPV4_OCTETS = 4
_IPV6_OCTETS = 16
_NO_ADDRESS = frozenset({b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe"})
"""Framed-IP-Address before there is one (RFC 2865 section 5.8)."""

_ADDRESSES_MAX = 16_384
"""Of devices and access points, which tell them again and again."""

LATE_MAX = timedelta(days=1)
"""Access points keep records through an outage; a time before this is of a clock never set."""
EARLY_MAX = timedelta(minutes=5)
"""What a clock may be ahead; beyond this it is wrong."""

# To call an enumeration takes five times as long as to look into a table.
_STATUSES = {int(status): status for status in AccountingStatus}
_CAUSES = {int(cause): cause for cause in TerminateCause}
_from_bytes = int.from_bytes
_new = tuple.__new__
_NO_PASSWORD = NoPassword.ABSENT

_Firsts = Mapping[int, bytes]


class Unrecorded(StrEnum):
    """Why an Accounting-Request makes no record."""

    UNKNOWN_STATUS = "unknown_status"
    """Tunnel-Start and its like: nothing for us, and acknowledged so that it is not sent again."""
    INCOMPLETE = "accounting_incomplete"
    """Without Acct-Status-Type it is no Accounting-Request (RFC 2866 section 4.1)."""


def read_station(packet: Packet, source_ip: str) -> Station:
    """Read the device, and the access point it is at."""
    return _station(packet, packet.firsts, source_ip)


def read_question(packet: Packet, client: RadiusClient, source_ip: str) -> AccessQuestion:
    """Read an Access-Request.

    It is MAC authentication when User-Name is the address in Calling-Station-Id, whatever the
    Service-Type and the password: access points differ in both. Then no credential is read.
    """
    firsts = packet.firsts
    station = _station(packet, firsts, source_ip)
    mac = station.mac
    by_mac = mac is not None and is_name_of(station.user_name, mac)
    credential = _NO_PASSWORD if by_mac else read_credential(packet, client.secret)
    cui = firsts.get(_CUI)
    if cui is None:
        # Not AccessQuestion(...): as in `_station`.
        return _new(AccessQuestion, (client, station, by_mac, credential, False, None))
    known = None if not cui.strip(b"\0") else cui
    return AccessQuestion(client, station, by_mac, credential, asks_for_cui=True, cui=known)


def read_record(
    packet: Packet, client: RadiusClient, source_ip: str, arrived_at: datetime
) -> AccountingRecord | Unrecorded:
    """Read an Accounting-Request, octets as RFC 2866 counts them: input is what a device sends.

    `arrived_at` is aware. A family that counts the other way round turns the octets afterwards.
    """
    firsts = packet.firsts
    number = _integer(firsts, _STATUS_TYPE)
    if number is None:
        return Unrecorded.INCOMPLETE
    status = _STATUSES.get(number)
    if status is None:
        return Unrecorded.UNKNOWN_STATUS
    get = firsts.get
    cause = _integer(firsts, _TERMINATE_CAUSE)
    # Not AccountingRecord(...), for the same reason as in `_station`.
    fields = (
        client,
        status,
        _station(packet, firsts, source_ip),
        _happened_at(firsts, arrived_at),
        arrived_at,
        get(_CLASS),
        get(_MULTI_SESSION_ID),
        _octets(firsts, _INPUT_OCTETS, _INPUT_GIGAWORDS),
        _octets(firsts, _OUTPUT_OCTETS, _OUTPUT_GIGAWORDS),
        _integer(firsts, _SESSION_TIME),
        None if cause is None else _CAUSES.get(cause),
    )
    return tuple.__new__(AccountingRecord, fields)


def _station(packet: Packet, firsts: _Firsts, source_ip: str) -> Station:
    get = firsts.get
    called, ssid = read_called(get(_CALLED_STATION_ID, b""))
    audit_session_id = None
    if VENDOR_SPECIFIC in firsts:
        audit_session_id, named = _read_vendors(packet)
        ssid = ssid or named
    # Not Station(...), whose own function takes as long as three of these readings.
    fields = (
        read_device(get(_CALLING_STATION_ID, b"")),
        _address(get(_FRAMED_IP_ADDRESS), get(_FRAMED_IPV6_ADDRESS)),
        get(_USER_NAME, b""),
        get(_SESSION_ID),
        audit_session_id,
        source_ip,
        _address(get(_NAS_IP_ADDRESS), get(_NAS_IPV6_ADDRESS)),
        get(_NAS_IDENTIFIER),
        _integer(firsts, _NAS_PORT),
        called,
        ssid,
    )
    return _new(Station, fields)


def _read_vendors(packet: Packet) -> tuple[bytes | None, bytes]:
    """Return Cisco's key of the device's session, and the SSID that a vendor names."""
    audit_session_id, ssid = None, b""
    for value in packet.every(VENDOR_SPECIFIC):
        for vendor, number, octets in split_vendor(value) or ():
            if (vendor, number) in _SSIDS:
                ssid = ssid or octets
            elif (vendor, number) == _CISCO_AVPAIR and octets.startswith(_AUDIT_SESSION_ID):
                audit_session_id = audit_session_id or octets[len(_AUDIT_SESSION_ID) :]
    return audit_session_id, ssid


@lru_cache(maxsize=_ADDRESSES_MAX)
def _address(ipv4: bytes | None, ipv6: bytes | None) -> str | None:
    if ipv4 is not None and len(ipv4) == _IPV4_OCTETS and ipv4 not in _NO_ADDRESS:
        return "{}.{}.{}.{}".format(*ipv4)
    if ipv6 is not None and len(ipv6) == _IPV6_OCTETS:
        return str(IPv6Address(ipv6))
    return None


def _integer(firsts: _Firsts, kind: int) -> int | None:
    octets = firsts.get(kind)
    if octets is None or len(octets) != _INTEGER_OCTETS:
        return None
    return _from_bytes(octets, "big")


def _octets(firsts: _Firsts, kind: int, gigawords_kind: int) -> int | None:
    low = _integer(firsts, kind)
    return None if low is None else (_integer(firsts, gigawords_kind) or 0) << 32 | low


def _happened_at(firsts: _Firsts, arrived_at: datetime) -> datetime:
    """Event-Timestamp where the clock can be right, else arrival less Acct-Delay-Time."""
    stamp = _integer(firsts, _EVENT_TIMESTAMP)
    if stamp is not None:
        said = datetime.fromtimestamp(stamp, UTC)
        if arrived_at - LATE_MAX <= said <= arrived_at + EARLY_MAX:
            return min(said, arrived_at)
    delay = timedelta(seconds=_integer(firsts, _DELAY_TIME) or 0)
    return arrived_at - delay if delay <= LATE_MAX else arrived_at
