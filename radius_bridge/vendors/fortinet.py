"""Fortinet FortiGate and FortiAP: a form with a magic number, groups, Disconnect.

The rule to keep: the whole form may have 125 characters, so a magic number that would leave too
few for name and token is refused when it comes.
Source: Fortinet, FortiAP 7.4 guide, "Captive portal"; PacketFence 14,
`lib/pf/Switch/Fortinet/FortiGate.pm`.
"""

import re

from radius_bridge.access import Grant, Station
from radius_bridge.vendors import standard, without_coa
from radius_bridge.vendors.family import (
    LoginToken,
    NotBelieved,
    PortalSettings,
    Redirected,
    WayBack,
)
from radius_bridge.vendors.redirects import ip_of, is_ours, mac_of, read_address, read_query
from radius_bridge.wire import Attribute

FORM_MAX_CHARACTERS = 125
FORM_PORTS = frozenset({1000, 1003})
"""Without and with TLS."""
MAGIC_MAX_CHARACTERS = 32
"""FortiOS sends 16; twice that still leaves 45 for a user name beside a token of 22."""

_KEYS = frozenset({"post", "magic", "usermac", "userip"})
_MAGIC = re.compile(f"[0-9A-Fa-f]{{1,{MAGIC_MAX_CHARACTERS}}}")
_PATH = "/fgtauth"


class Fortinet(without_coa.HearsDisconnects):
    """An SSID with an external captive portal: in comes who logs in by its form."""

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the group whose policies hold for the device."""
        del station
        return standard.text("Fortinet-Group-Name", grant.role)

    def keys(self, station: Station) -> tuple[Attribute, ...]:
        """Return session, name and address, as FortiOS compares them."""
        session, name = standard.accounting_session(station), standard.user_name(station)
        if not (session or name):
            return ()
        return (*session, *name, *standard.framed_ip(station))

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read the redirect of a captive portal."""
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "magic" not in query or "post" not in query:
            return None
        mac, address = mac_of(query.get("usermac")), read_address(query["post"])
        is_magic = _MAGIC.fullmatch(query["magic"]) is not None
        if mac is None or address is None or address.query is not None or not is_magic:
            return NotBelieved.MALFORMED
        if not is_ours(address, settings.hosts, FORM_PORTS) or address.path != _PATH:
            return NotBelieved.STRANGE_HOST
        parameters = {"post": str(address), "magic": query["magic"]}
        return Redirected(mac, ip_of(query.get("userip")), "", parameters)

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack:
        """Return the form; where the visitor ends up is the FortiGate's own setting."""
        del settings, portal_url
        fields = (
            ("magic", visitor.parameters["magic"]),
            ("username", token.user_name),
            ("password", token.as_typed()),
        )
        return WayBack("POST", visitor.parameters["post"], fields)
