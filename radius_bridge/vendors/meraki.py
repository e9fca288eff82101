"""Cisco Meraki: the sign-on splash by a form, or a redirect and CoA as Cisco's controllers have it.

Sign-on requests come from Meraki's cloud, MAC authentication from the access point.
The rule to keep: a click-through splash is refused. Its address that lets in can be written by
anybody, so it proves nothing, and no session that it begins can be ended.
Source: Cisco Meraki, "Captive Portal API" (developer.cisco.com/meraki/captive-portal-api);
PacketFence 14, `lib/pf/Switch/Meraki/MR_v2.pm`.
"""

from dataclasses import dataclass

from radius_bridge.access import Grant, Station, ToPortal
from radius_bridge.vendors import cisco, standard
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
from radius_bridge.vendors.redirects import (
    ip_of,
    is_ours,
    mac_of,
    original_url,
    read_address,
    read_query,
)
from radius_bridge.wire import Attribute

_KEYS = frozenset(
    {"login_url", "base_grant_url", "client_mac", "client_ip", "continue_url", "error_message"}
)
_PATH = "/splash/login"
_HTTPS = "https"


@dataclass(frozen=True)
class Meraki(standard.Standard):
    """MR access points.

    ``role_attribute`` is what the dashboard reads a group policy from, ``redirect_acl`` the name
    that an access point keeps for the walled garden.
    """

    role_attribute: str = "Filter-Id"
    redirect_acl: str = "ACL_WEBAUTH_REDIRECT"

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the group policy, which holds bandwidth too."""
        del station
        return standard.text(self.role_attribute, grant.role)

    def to_portal(self, decision: ToPortal, station: Station) -> tuple[Attribute, ...] | None:
        """Return a redirect where the access point can follow a CoA; a Reject for a splash page.

        An access point that can names its session to us.
        """
        if station.audit_session_id is None:
            return None
        return cisco.redirect(decision, self.redirect_acl)

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a CoA to ask again, or a Disconnect."""
        del grant
        if verb is not DynamicVerb.EXPEL:
            return cisco.reauthenticate(station)
        if station.mac is None:
            return None
        keys = (*standard.calling_station(station.mac), *standard.nas(station))
        return standard.disconnect((*keys, *cisco.audit_session(station)))

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return CHANGE where an access point asked; the splash page's sessions can be ended."""
        del role
        return cisco.reach(station)

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read the redirect of a sign-on splash."""
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "login_url" not in query:
            return NotBelieved.UNPROTECTED if "base_grant_url" in query else None
        mac, address = mac_of(query.get("client_mac")), read_address(query["login_url"])
        if mac is None or address is None:
            return NotBelieved.MALFORMED
        if not is_ours(address, settings.hosts) or (address.scheme, address.path) != (
            _HTTPS,
            _PATH,
        ):
            return NotBelieved.STRANGE_HOST
        return Redirected(
            mac,
            ip_of(query.get("client_ip")),
            original_url(query, "continue_url"),
            {"login": str(address)},
            failed=bool(query.get("error_message")),
        )

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return the sign-on form; None where the device came by a redirect of ours."""
        del settings
        if "login" not in visitor.parameters:
            return None
        fields = (
            ("username", token.user_name),
            ("password", token.as_typed()),
            ("success_url", portal_url),
        )
        return WayBack("POST", visitor.parameters["login"], fields)
