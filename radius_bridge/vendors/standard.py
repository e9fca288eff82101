"""What access points have in common: the attributes of the RFCs and of WISPr, and CoA by them.

Also a family of its own, for access points that speak nothing but the standard.
The rule to keep: whatever a family adds, a Grant's ends and intervals come from `ends`, so that no
family can forget one; a key of a Disconnect that an access point does not know makes it refuse.
Source: RFC 2865, 2869, 3580, 4372, 5176; WISPr 1.0 (Wi-Fi Alliance).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, ip_address

from radius_bridge.access import Bandwidth, Grant, Station, ToPortal
from radius_bridge.accounting import AccountingRecord
from radius_bridge.dictionary import named
from radius_bridge.mac_address import dashed
from radius_bridge.values import Value, attribute
from radius_bridge.vendors.family import (
    DynamicKind,
    DynamicMessage,
    DynamicVerb,
    LoginToken,
    NotBelieved,
    PortalSettings,
    Reach,
    Redirected,
    WayBack,
)
from radius_bridge.wire import VALUE_MAX_OCTETS, Attribute, Packet

INTERIM_INTERVAL_MIN_S = 60
"""RFC 2869 section 5.16; CoovaChilli and hostapd ignore what is shorter."""
PORTAL_TIMEOUT_S = 1800
"""How long an Accept that redirects holds: long enough to find a library card. Then it is asked
again, so that no device stays redirected after a lost CoA."""

_REMEMBERED_MAX = 4096
"""Most Accepts say the same numbers, and the ends of the minute's sessions. Nothing that belongs to
one device is remembered."""
_UNSIGNED_MAX = 2**32 - 1
_RADIUS_REQUEST = 1
_VLAN = 13
_IEEE_802 = 6

_CHANGE = Reach.CHANGE
_USER_NAME = named("User-Name").kind
_CLASS = named("Class").kind
_CUI = named("Chargeable-User-Identity").kind
_ACCT_SESSION_ID = named("Acct-Session-Id").kind
_NAS_IDENTIFIER = named("NAS-Identifier").kind


def write(name: str, value: Value) -> Attribute:
    """Make the attribute of this name, a vendor's or the standard's, without a tag."""
    return attribute(named(name), value)


@lru_cache(maxsize=_REMEMBERED_MAX)
def number(name: str, value: int) -> Attribute:
    """Make an attribute of 32 bits; what is larger becomes the largest that fits."""
    return write(name, max(0, min(value, _UNSIGNED_MAX)))


def kbit_s(bit_s: int) -> int:
    """Return kbit/s, at least 1: 0 means without limit."""
    return max(1, bit_s // 1000)


def ends(grant: Grant) -> tuple[Attribute, ...]:
    """Return when the access point asks again, and how often it reports."""
    idle_s, interval_s = grant.idle_timeout_s, grant.interim_interval_s
    return _ends(grant.session_timeout_s, grant.reauthenticates, idle_s, interval_s)


@lru_cache(maxsize=_REMEMBERED_MAX)
def _ends(
    timeout_s: int, reauthenticates: bool, idle_s: int | None, interval_s: int
) -> tuple[Attribute, ...]:
    attributes = [number("Session-Timeout", max(1, timeout_s))]
    if reauthenticates:
        attributes.append(number("Termination-Action", _RADIUS_REQUEST))
    if idle_s is not None:
        attributes.append(number("Idle-Timeout", max(1, idle_s)))
    interval_s = max(INTERIM_INTERVAL_MIN_S, interval_s)
    attributes.append(number("Acct-Interim-Interval", interval_s))
    return tuple(attributes)


def changed_ends(grant: Grant) -> tuple[Attribute, ...]:
    """Return `ends` for a session that runs: what is left out of a CoA may stay as it was.

    So an Idle-Timeout is lifted by one that cannot come before the end.
    """
    if grant.idle_timeout_s is not None:
        return ends(grant)
    return (*ends(grant), number("Idle-Timeout", max(1, grant.session_timeout_s)))


def identity(grant: Grant) -> tuple[Attribute, ...]:
    """Return what comes back in accounting."""
    session = Attribute(_CLASS, grant.session)
    return (session,) if grant.cui is None else (session, Attribute(_CUI, grant.cui))


def vlan(name: str | None) -> tuple[Attribute, ...]:
    """Return the three attributes of a VLAN, nothing without one (RFC 3580 section 3.31)."""
    if name is None:
        return ()
    return (
        number("Tunnel-Type", _VLAN),
        number("Tunnel-Medium-Type", _IEEE_802),
        write("Tunnel-Private-Group-Id", name),
    )


@lru_cache(maxsize=_REMEMBERED_MAX)
def text(name: str, value: str | None) -> tuple[Attribute, ...]:
    """Return one attribute of text, nothing where there is no value."""
    return () if value is None else (write(name, value),)


@lru_cache(maxsize=_REMEMBERED_MAX)
def wispr_bandwidth(bandwidth: Bandwidth) -> tuple[Attribute, ...]:
    """Return the limits in bit/s."""
    return limits(
        ("WISPr-Bandwidth-Max-Up", bandwidth.upload_bit_s),
        ("WISPr-Bandwidth-Max-Down", bandwidth.download_bit_s),
    )


def limits(*named_values: tuple[str, int | None]) -> tuple[Attribute, ...]:
    """Return numbers by name, without those that are None."""
    return tuple(number(name, value) for name, value in named_values if value is not None)


def calling_station(mac: str | None) -> tuple[Attribute, ...]:
    """Return the device's address as most access points write it."""
    return () if mac is None else (write("Calling-Station-Id", dashed(mac)),)


def user_name(station: Station) -> tuple[Attribute, ...]:
    """Return the name that the access point used, octet for octet."""
    return _octets(_USER_NAME, station.user_name or None)


def accounting_session(station: Station) -> tuple[Attribute, ...]:
    """Return the access point's own key of the session."""
    return _octets(_ACCT_SESSION_ID, station.accounting_session_id)


def framed_ip(station: Station) -> tuple[Attribute, ...]:
    """Return the device's IPv4 address, where it has one."""
    return _ipv4("Framed-IP-Address", station.ip)


def nas(station: Station) -> tuple[Attribute, ...]:
    """Return which access point is meant, for a controller or a proxy in front of it."""
    return _ipv4("NAS-IP-Address", station.nas_ip) or nas_identifier(station)


def nas_identifier(station: Station) -> tuple[Attribute, ...]:
    """Return the access point's name for itself."""
    return _octets(_NAS_IDENTIFIER, station.nas_identifier)


def _octets(kind: int, value: bytes | None) -> tuple[Attribute, ...]:
    """Return what an access point said, as it stands; nothing that no packet can have held."""
    if value is None or len(value) > VALUE_MAX_OCTETS:
        return ()
    return (Attribute(kind, value),)


def _ipv4(name: str, address: str | None) -> tuple[Attribute, ...]:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return ()
    return (write(name, parsed),) if isinstance(parsed, IPv4Address) else ()


def disconnect(keys: Iterable[Attribute]) -> DynamicMessage | None:
    """Return a Disconnect-Request; None without any key, for that would mean everybody."""
    return _message(DynamicKind.DISCONNECT, tuple(keys), ())


def change(keys: Iterable[Attribute], attributes: Iterable[Attribute]) -> DynamicMessage | None:
    """Return a CoA-Request; None without any key, for that would mean everybody."""
    return _message(DynamicKind.CHANGE, tuple(keys), tuple(attributes))


def _message(
    kind: DynamicKind, keys: tuple[Attribute, ...], attributes: tuple[Attribute, ...]
) -> DynamicMessage | None:
    return DynamicMessage(kind, keys + attributes) if keys else None


class Standard:
    """An access point that knows the RFCs, and of bandwidth what WISPr says.

    A family inherits what it does not do in its own way.
    """

    def grant(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the ends, the identity, the limits, and the proof of a login."""
        return (
            *ends(grant),
            *identity(grant),
            *self.limits(grant, station),
            *vlan(grant.vlan),
            *grant.proof,
        )

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return bandwidth and role; what most families say in a way of their own."""
        del station
        return (*wispr_bandwidth(grant.bandwidth), *text("Filter-Id", grant.role))

    def to_portal(self, decision: ToPortal, station: Station) -> tuple[Attribute, ...] | None:
        """Return the VLAN where a gateway shows the portal; without one a Reject has to do."""
        del station
        if decision.vlan is None:
            return None
        return (*portal_end(), *vlan(decision.vlan), *text("Filter-Id", decision.role))

    def counted(self, record: AccountingRecord, request: Packet) -> AccountingRecord:
        """Return the record as it is: RFC 2866 counts input from the device, so its upload."""
        del request
        return record

    def keys(self, station: Station) -> tuple[Attribute, ...]:
        """Return what a Disconnect or a CoA finds the session by.

        The session's own key finds exactly it; without one, the device does.
        """
        own = accounting_session(station)
        return (*(own or calling_station(station.mac)), *user_name(station), *nas(station))

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a Disconnect or a plain CoA.

        A device that waits in the portal's VLAN is disconnected: it comes back by itself, and is
        asked about again. One that was rejected has no session that could be changed.
        """
        if not self.is_found(station):
            return None
        if verb is DynamicVerb.CHANGE and grant is not None:
            changes = (*changed_ends(grant), *self.limits(grant, station), *vlan(grant.vlan))
            return change(self.keys(station), changes)
        return disconnect(self.keys(station))

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return CHANGE for every session that can be named."""
        del role
        return _CHANGE if self.is_found(station) else Reach.NOTHING

    def is_found(self, station: Station) -> bool:
        """Tell whether the keys name one session, and not the whole access point."""
        return station.mac is not None or bool(accounting_session(station))

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Return None: the standard knows no redirect."""
        del raw_url, settings
        return None

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return None: the bridge lets the device in itself."""
        del visitor, token, settings, portal_url
        return None

    def way_out(self, parameters: Mapping[str, str]) -> str | None:
        """Return None: only the bridge lets the device out."""
        del parameters
        return None


def portal_end() -> tuple[Attribute, ...]:
    """Return when an access point asks again about a device that is nobody yet."""
    return (
        number("Session-Timeout", PORTAL_TIMEOUT_S),
        number("Termination-Action", _RADIUS_REQUEST),
    )
