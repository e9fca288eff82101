"""TP-Link Omada: the external portal by the controller's interface, or by a form and RADIUS.

What the controller is asked is in `omada_api.py`.
The rule to keep: the redirect is unsigned. By the interface, its values go to the controller as
they came, which knows its own; by the form, only a registered host is posted to.
Source: TP-Link FAQ 3231 "API and Code Sample for External Portal Server (Omada Controller 5.0.15
or above)" and FAQ 2907; FAQ 2912 "RADIUS Server with External Web Portal (4.1.5 or above)".
"""

import re
from collections.abc import Callable, Mapping

from radius_bridge.vendors import without_coa
from radius_bridge.vendors.family import (
    LoginToken,
    NotBelieved,
    PortalSettings,
    Redirected,
    WayBack,
)
from radius_bridge.vendors.redirects import (
    address_at,
    ip_of,
    is_ours,
    mac_of,
    original_url,
    read_query,
)

FORM_PORTS = frozenset({8088, 8843})
"""Of the portal service, without and with TLS."""

_TEXT = re.compile("[^\x00-\x1f]{1,64}")
"""An SSID has 32 octets, a site's name 64 characters."""
_NUMBER = re.compile("[0-9]{1,4}")
_SHAPES: dict[str, Callable[[str], object]] = {
    "clientMac": mac_of,
    "apMac": mac_of,
    "ssidName": _TEXT.fullmatch,
    "radioId": _NUMBER.fullmatch,
    "gatewayMac": mac_of,
    "vid": _NUMBER.fullmatch,
    "site": _TEXT.fullmatch,
}
_ACCESS_POINT = ("clientMac", "apMac", "ssidName", "radioId")
_GATEWAY = ("clientMac", "gatewayMac", "vid")
_SITE = ("site",)
"""By the interface; a redirect to a form names no site."""
_FORM = ("target", "targetPort", "scheme")
_KEYS = frozenset({*_SHAPES, *_FORM, "clientIp", "redirectUrl", "originUrl"})
_PATH = "/portal/radius/browserauth"
_RADIUS = "2"


class Omada(without_coa.HearsNothing):
    """A controller with an external portal. None of its access points is known to take CoA."""

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read a redirect of an access point or of a gateway."""
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "clientMac" not in query or not ("apMac" in query or "gatewayMac" in query):
            return None
        mac, parameters = mac_of(query["clientMac"]), _told(query)
        if mac is None or parameters is None:
            return NotBelieved.MALFORMED
        if "target" in query:
            form = _form_of(query, settings)
            if isinstance(form, NotBelieved):
                return form
            parameters |= form
        return Redirected(
            mac,
            ip_of(query.get("clientIp")),
            original_url(query, "originUrl", "redirectUrl"),
            parameters,
        )

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return the portal service's form; None where the controller's interface is asked."""
        del settings
        parameters = dict(visitor.parameters)
        form = parameters.pop("form", None)
        if form is None:
            return None
        fields = (
            *parameters.items(),
            ("clientIp", visitor.ip or ""),
            ("authType", _RADIUS),
            ("originUrl", portal_url),
            ("username", token.user_name),
            ("password", token.as_typed()),
        )
        return WayBack("POST", form, fields)


def _told(query: Mapping[str, str]) -> dict[str, str] | None:
    """Return what names device, access point and site to the controller, as it came.

    A wired device's redirect may name an access point all the same, and leave it empty.
    """
    place = _ACCESS_POINT if query.get("apMac") else _GATEWAY
    keys = (*place, *(() if "target" in query else _SITE))
    told = {key: query.get(key, "") for key in keys}
    return told if all(_SHAPES[key](value) for key, value in told.items()) else None


def _form_of(query: Mapping[str, str], settings: PortalSettings) -> dict[str, str] | NotBelieved:
    scheme, port = query.get("scheme", "https"), query.get("targetPort", "8843")
    address = address_at(f"{query['target']}:{port}", _PATH, scheme)
    if address is None:
        return NotBelieved.MALFORMED
    if not is_ours(address, settings.hosts, FORM_PORTS):
        return NotBelieved.STRANGE_HOST
    return {"form": str(address)}
