"""UniFi: the guest portal by the controller's interface, VLANs and data rates by RADIUS.

What the controller is asked is in `unifi_api.py`.
The rule to keep: the redirect is unsigned and names no host; only the controller can say whether
such a device is there, and it is asked before anybody is let in.
Source: Ubiquiti, "Third-Party External Captive Portal" (help.ui.com 31228198640023);
Art-of-WiFi/UniFi-API-client 2.
"""

import re
from dataclasses import dataclass

from radius_bridge.access import Grant, Station
from radius_bridge.vendors import standard
from radius_bridge.vendors.family import (
    DynamicMessage,
    DynamicVerb,
    NotBelieved,
    PortalSettings,
    Reach,
    Redirected,
)
from radius_bridge.vendors.redirects import URL_MAX_CHARACTERS, mac_of, original_url, read_query
from radius_bridge.wire import Attribute

_KEYS = frozenset({"ap", "id", "url", "ssid"})
_SITE = re.compile(r"/guest/s/(?P<site>[A-Za-z0-9_-]{1,64})/?\?")
_TEXT_MAX_CHARACTERS = 64
"""An SSID has 32 octets."""
_UINT64_MAX = 2**64 - 1


@dataclass(frozen=True)
class UniFi(standard.Standard):
    """Access points with hostapd inside.

    ``rate_unit_bit_s`` is what one unit of the data rates counts: the dictionary does not say, and
    bit/s is our reading.
    """

    rate_unit_bit_s: int = 1

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the data rates; for RADIUS there are no roles."""
        del station
        return (
            *self._rate("UBNT-Data-Rate-DL", grant.bandwidth.download_bit_s),
            *self._rate("UBNT-Data-Rate-UL", grant.bandwidth.upload_bit_s),
        )

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a Disconnect to the access point, as hostapd knows the device: it comes back."""
        del verb, grant
        if station.mac is None:
            return None
        keys = standard.calling_station(station.mac)
        return standard.disconnect((*keys, *standard.nas_identifier(station)))

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return EXPEL: hostapd is inside."""
        del role
        return Reach.EXPEL if station.mac is not None else Reach.NOTHING

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read the redirect of a guest portal: site, access point and device."""
        del settings
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "id" not in query or "ap" not in query:
            return None
        mac, access_point = mac_of(query["id"]), mac_of(query["ap"])
        site = _SITE.search(raw_url[:URL_MAX_CHARACTERS])
        ssid = query.get("ssid", "")
        if mac is None or access_point is None or site is None or len(ssid) > _TEXT_MAX_CHARACTERS:
            return NotBelieved.MALFORMED
        parameters = {"site": site["site"], "access_point": access_point, "ssid": ssid}
        return Redirected(mac, None, original_url(query, "url"), parameters)

    def _rate(self, name: str, bit_s: int | None) -> tuple[Attribute, ...]:
        if bit_s is None:
            return ()
        units = max(1, bit_s // self.rate_unit_bit_s)
        return (standard.write(name, min(units, _UINT64_MAX)),)
