"""Ruckus: ZoneDirector and Unleashed by a form on port 9997; SmartZone and One by their interface.

What their northbound interface (NBI) is asked is in `ruckus_api.py`. It makes the controller ask
us by RADIUS, with the token.
The rule to keep: SmartZone hides the device's addresses (`ENC…`); then nobody knows the device
before the controller has said who it is, and the hidden values go back as they came.
Source: Ruckus "Hotspot WISPr API Reference" 800-73417-001 Rev B; PacketFence 14,
`lib/pf/Switch/Ruckus.pm` and `Ruckus/SmartZone.pm`.
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
from radius_bridge.vendors.redirects import (
    Address,
    address_at,
    ip_of,
    is_ours,
    mac_of,
    original_url,
    read_query,
)
from radius_bridge.wire import Attribute

PASSWORD_MAX_CHARACTERS = 31
"""What the form of a ZoneDirector takes."""
FORM_PORTS = frozenset({9997, 9998})
INTERFACE_PORTS = frozenset({443, 9443})
"""Of Ruckus One and of SmartZone; 9080 is the same without TLS, and refused."""
CLOUD = ".ruckus.cloud"

_KEYS = frozenset({"sip", "nbiIP", "client_mac", "uip", "proxy", "url", "startUrl", "reason"})
_HIDDEN = re.compile("ENC[0-9a-f]{16,128}")
_PROXY = re.compile("[01]")


class Ruckus(without_coa.HearsDisconnects):
    """Hotspots (WISPr) and WLANs with MAC authentication.

    A Disconnect reaches controllers in proxy mode only.
    """

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the role; what it may is the controller's."""
        del station
        return standard.text("Ruckus-User-Groups", grant.role)

    def keys(self, station: Station) -> tuple[Attribute, ...]:
        """Return the device, and which access point of the controller it is at."""
        if station.mac is None:
            return ()
        return (*standard.calling_station(station.mac), *standard.nas(station))

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read a hotspot's redirect, of either kind."""
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "client_mac" not in query or not ("nbiIP" in query or "sip" in query):
            return None
        mac, hidden = mac_of(query["client_mac"]), _HIDDEN.fullmatch(query["client_mac"])
        by_interface = "nbiIP" in query
        address = _interface(query["nbiIP"]) if by_interface else _form(query["sip"])
        if address is None or (mac is None and not (hidden and by_interface)):
            return NotBelieved.MALFORMED
        if not is_ours(address, settings.hosts, INTERFACE_PORTS if by_interface else FORM_PORTS):
            return NotBelieved.STRANGE_HOST
        parameters = _told(query, address) if by_interface else _form_parameters(query, address)
        if parameters is None:
            return NotBelieved.MALFORMED
        return Redirected(
            mac, ip_of(query.get("uip")), original_url(query, "url", "startUrl"), parameters
        )

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return the form of a ZoneDirector; None where the controller's interface is asked."""
        del settings, portal_url
        if "login" not in visitor.parameters:
            return None
        fields = (
            ("ip", visitor.parameters["ip"]),
            ("username", token.user_name),
            ("password", token.as_typed()),
        )
        return WayBack("POST", visitor.parameters["login"], fields)


def _interface(host: str) -> Address | None:
    port = 443 if host.endswith(CLOUD) else 9443
    return address_at(f"{host}:{port}", "/portalintf", "https")


def _form(host: str) -> Address | None:
    return address_at(f"{host}:9997", "/login")


def _told(query: dict[str, str], address: Address) -> dict[str, str] | None:
    """Return what the interface wants to hear again, hidden or not."""
    ip, proxy = query.get("uip", ""), query.get("proxy", "0")
    if not (ip_of(ip) or _HIDDEN.fullmatch(ip)) or not _PROXY.fullmatch(proxy):
        return None
    return {
        "interface": str(address),
        "client_mac": query["client_mac"],
        "client_ip": ip,
        "proxy": proxy,
    }


def _form_parameters(query: dict[str, str], address: Address) -> dict[str, str] | None:
    ip = ip_of(query.get("uip"))
    return None if ip is None else {"login": str(address), "ip": ip}
