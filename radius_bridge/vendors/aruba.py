"""Aruba controllers, Instant and Instant On: roles, changed by CoA; a form for the portal.

A role holds what a device may, bandwidth too, so that here it is only a name. Which key format an
access point wants depends on what it is: hence two families in this file.
The rule to keep: a controller refuses a CoA with an Acct-Session-Id, Instant one whose User-Name
and Calling-Station-Id are not both `aabbccddeeff`. `url-hash-key` stays off: its format is secret.
Source: PacketFence 14, `lib/pf/Switch/Aruba.pm` and `Aruba/Instant.pm`; HPE Aruba Networking,
"Configuring external captive portal" for Instant 8.x. Instant On: what its redirects hold in
the field, not a document.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from radius_bridge.access import Grant, Station, ToPortal
from radius_bridge.mac_address import bare
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
from radius_bridge.vendors.redirects import (
    Address,
    ip_of,
    is_ours,
    mac_of,
    original_url,
    read_address,
    read_query,
)
from radius_bridge.wire import Attribute

SECURE_LOGIN = "securelogin.arubanetworks.com"
"""The name that every access point answers to, when the redirect names none."""

_KEYS = frozenset({"cmd", "mac", "ip", "switchip", "post", "url", "errmsg"})
_PATH = "/cgi-bin/login"
_PATHS = frozenset({_PATH, "/auth/index.html/u", "/swarm.cgi"})


@dataclass(frozen=True)
class Aruba(standard.Standard):
    """A controller, or with ``is_instant`` an Instant or Instant On."""

    is_instant: bool = False

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the role."""
        del station
        return standard.text("Aruba-User-Role", grant.role)

    def to_portal(self, decision: ToPortal, station: Station) -> tuple[Attribute, ...] | None:
        """Return the role whose captive-portal profile leads here; without one, a Reject.

        Not the address itself: the profile has it, and appends what identifies the device. After a
        Reject the device keeps the initial role, whose profile may do the same.
        """
        del station
        if decision.role is None and decision.vlan is None:
            return None
        return (
            *standard.portal_end(),
            *standard.text("Aruba-User-Role", decision.role),
            *standard.vlan(decision.vlan),
        )

    def keys(self, station: Station) -> tuple[Attribute, ...]:
        """Return the device's address as this kind wants it, and which access point is meant."""
        if station.mac is None:
            return ()
        if not self.is_instant:
            return (*standard.calling_station(station.mac), *standard.nas(station))
        mac = bare(station.mac)
        return (
            standard.write("Calling-Station-Id", mac),
            standard.write("User-Name", mac),
            *standard.nas(station),
        )

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a CoA that gives another role, and another end to who is in; or a Disconnect.

        Without a role, who is to come in is disconnected, comes back and is asked about; a change
        of a running session cannot be told.
        """
        keys = self.keys(station)
        if verb is DynamicVerb.EXPEL or grant is None:
            return standard.disconnect(keys)
        if grant.role is not None:
            until = standard.changed_ends(grant) if verb is DynamicVerb.CHANGE else ()
            return standard.change(keys, (*standard.text("Filter-Id", grant.role), *until))
        return None if verb is DynamicVerb.CHANGE else standard.disconnect(keys)

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return CHANGE where a role is given."""
        if station.mac is None:
            return Reach.NOTHING
        return Reach.EXPEL if role is None else Reach.CHANGE

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read the redirect of a captive-portal profile."""
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "cmd" not in query or "mac" not in query:
            return None
        mac, address = mac_of(query["mac"]), _login_address(query)
        if mac is None or address is None or address.query is not None:
            return NotBelieved.MALFORMED
        if not is_ours(address, settings.hosts) or address.path not in _PATHS:
            return NotBelieved.STRANGE_HOST
        return Redirected(
            mac,
            ip_of(query.get("ip")),
            original_url(query, "url"),
            {"login": str(address)},
            failed=bool(query.get("errmsg")),
        )

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return the access point's form; None where the device came by its role's address."""
        del settings
        if "login" not in visitor.parameters:
            return None
        fields = (
            ("user", token.user_name),
            ("password", token.as_typed()),
            ("cmd", "authenticate"),
            ("url", portal_url),
        )
        return WayBack("POST", visitor.parameters["login"], fields)


def _login_address(query: Mapping[str, str]) -> Address | None:
    """Return where the form goes: controllers name `switchip`, Instant On `post`, a bare host."""
    named = query.get("switchip") or query.get("post") or SECURE_LOGIN
    return read_address(named if "://" in named else f"https://{named}{_PATH}")
