"""Cisco AireOS and Catalyst 9800: central web authentication, and the older web form.

Central: the MAC authentication of a stranger is accepted with a redirect, and after the login a
CoA makes the controller ask again. The form (LWA, EWA): the browser posts to `switch_url`.
The rule to keep: the controller knows a device's session by its `audit-session-id` alone, so
without it nothing can be said; and it looks the redirect ACL up by its exact name, in silence.
Source: PacketFence 14, `lib/pf/Switch/Cisco/Cisco_WLC_AireOS.pm`; Cisco documents 115732 (AireOS
CWA), 213920 (9800 CWA), 217457 (external web authentication).
"""

from dataclasses import dataclass

from radius_bridge.access import Bandwidth, Grant, Station, ToPortal
from radius_bridge.dictionary import named
from radius_bridge.vendors import standard
from radius_bridge.vendors.family import (
    DynamicMessage,
    DynamicVerb,
    LoginToken,
    NotBelieved,
    PortalSettings,
    Reach,
    Redirected,
    WayBack,
)
from radius_bridge.vendors.redirects import is_ours, mac_of, original_url, read_address, read_query
from radius_bridge.wire import Attribute, vendor_attribute

DYNAMIC_PORT = 1700
"""Cisco's own before RFC 5176; IOS XE listens on it unless told otherwise."""
URL_MAX_OCTETS = 234
"""247 of a vendor's attribute, less ``url-redirect=``."""
AUDIT_SESSION_MAX_OCTETS = 230
"""The same less ``audit-session-id=``. No controller can have sent more."""

_PAIR = named("Cisco-AVPair")
_KEYS = frozenset({"switch_url", "client_mac", "redirect", "statusCode"})
_PATH = "/login.html"
_ALREADY_IN = "1"
_BAD_CREDENTIALS = "5"


def pair(name: str, value: str) -> Attribute:
    """Return one Cisco-AVPair."""
    return standard.write("Cisco-AVPair", f"{name}={value}")


def audit_session(station: Station) -> tuple[Attribute, ...]:
    """Return the controller's key of the session, as it sent it."""
    key = station.audit_session_id
    if key is None or len(key) > AUDIT_SESSION_MAX_OCTETS:
        return ()
    value = b"audit-session-id=" + key  # octets: text could grow, or come back as another key
    return (vendor_attribute(_PAIR.vendor, _PAIR.kind, value),)


def reauthenticate(station: Station) -> DynamicMessage | None:
    """Return the CoA that makes the controller ask about the device again."""
    session = audit_session(station)
    if not session:
        return None
    keys = (*standard.calling_station(station.mac), *standard.nas(station), *session)
    command = (
        pair("subscriber:command", "reauthenticate"),
        pair("subscriber:reauthenticate-type", "last"),
    )
    return standard.change(keys, command)


def redirect(decision: ToPortal, acl: str) -> tuple[Attribute, ...] | None:
    """Return the Accept that sends a stranger to the portal; `acl` says what is redirected.

    None for an address that does not fit: half of one would lead nowhere, a Reject is seen.
    """
    url = decision.url if "?" in decision.url else f"{decision.url}?"
    if len(url.encode("utf-8", "replace")) > URL_MAX_OCTETS:
        return None
    return (
        *standard.portal_end(),
        pair("url-redirect-acl", decision.role or acl),
        pair("url-redirect", url),
        *standard.vlan(decision.vlan),
    )


def reach(station: Station) -> Reach:
    """Return CHANGE where the controller's key of the session is known: it is asked about again."""
    if audit_session(station):
        return Reach.CHANGE
    return Reach.NOTHING if station.mac is None else Reach.EXPEL


@dataclass(frozen=True)
class Cisco(standard.Standard):
    """A wireless controller with AAA override and NAC (RADIUS NAC).

    ``redirect_acl`` is the name that Cisco's guides give the ACL. ``is_login_in_disconnect``:
    old AireOS wants Service-Type in a Disconnect, which RFC 5176 section 3.2 forbids.
    """

    redirect_acl: str = "ACL_WEBAUTH_REDIRECT"
    is_login_in_disconnect: bool = False

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the ACL, and bandwidth in kbit/s as AireOS has it, for all kinds of traffic.

        A Catalyst 9800 ignores the numbers: there a policy of its own limits.
        """
        del station
        contracts = _contracts(grant.bandwidth)
        return (*standard.text("Airespace-ACL-Name", grant.role), *contracts)

    def to_portal(self, decision: ToPortal, station: Station) -> tuple[Attribute, ...] | None:
        """Return the Accept that redirects."""
        del station
        return redirect(decision, self.redirect_acl)

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a CoA to ask again, which brings new limits too; or a Disconnect."""
        del grant
        if verb is not DynamicVerb.EXPEL:
            return reauthenticate(station)
        keys = (*standard.calling_station(station.mac), *standard.nas(station))
        if station.mac is None:
            return None
        service = (standard.number("Service-Type", 1),) if self.is_login_in_disconnect else ()
        return standard.disconnect((*keys, *audit_session(station), *service))

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return CHANGE after central web authentication; who came by the form can be put out."""
        del role
        return reach(station)

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read the web form's redirect. That of central web authentication is our own address."""
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "switch_url" not in query:
            return None
        mac, address = mac_of(query.get("client_mac")), read_address(query["switch_url"])
        if mac is None or address is None or address.query is not None:
            return NotBelieved.MALFORMED
        if not is_ours(address, settings.hosts) or address.path != _PATH:
            return NotBelieved.STRANGE_HOST
        status = query.get("statusCode")
        return Redirected(
            mac,
            None,
            original_url(query, "redirect"),
            {"switch_url": str(address)},
            online=status == _ALREADY_IN,
            failed=status == _BAD_CREDENTIALS,
        )

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return the controller's form; None after central web authentication."""
        del settings
        if "switch_url" not in visitor.parameters:
            return None
        fields = (
            ("username", token.user_name),
            ("password", token.as_typed()),
            ("buttonClicked", "4"),
            ("err_flag", "0"),
            ("redirect_url", portal_url),
        )
        return WayBack("POST", visitor.parameters["switch_url"], fields)


_DOWNSTREAM = (
    "Airespace-Data-Bandwidth-Average-Contract",
    "Airespace-Real-Time-Bandwidth-Average-Contract",
    "Airespace-Data-Bandwidth-Burst-Contract",
    "Airespace-Real-Time-Bandwidth-Burst-Contract",
)


def _contracts(bandwidth: Bandwidth) -> tuple[Attribute, ...]:
    down, up = bandwidth.download_bit_s, bandwidth.upload_bit_s
    downstream = ((name, down) for name in _DOWNSTREAM)
    upstream = ((f"{name}-Upstream", up) for name in _DOWNSTREAM)
    return standard.limits(
        *(
            (name, None if bit_s is None else standard.kbit_s(bit_s))
            for name, bit_s in (*downstream, *upstream)
        )
    )
