"""hostapd and OpenWrt: MAC authentication, VLANs, and no change of a session but its end.

Not the portal: that is the gateway's, openNDS' or CoovaChilli's, on the access point or behind it.
The rule to keep: hostapd answers a CoA with 401 whatever it says (only Hotspot 2.0 may be changed),
so every verb is a Disconnect by the device's address. Its answers to a MAC are kept for 30 s.
Source: hostapd 2.10, `src/radius/radius_das.c` and `src/ap/ieee802_11_auth.c`.
"""

from radius_bridge.access import Grant, Station
from radius_bridge.vendors import standard, without_coa
from radius_bridge.vendors.family import DynamicMessage, DynamicVerb
from radius_bridge.wire import Attribute


class Hostapd(without_coa.HearsDisconnects):
    """`macaddr_acl=2` with `radius_das_client`."""

    def keys(self, station: Station) -> tuple[Attribute, ...]:
        """Return the device's address alone.

        A session's key may be that of the session before, and then hostapd finds nothing while
        the device stays.
        """
        return standard.calling_station(station.mac)

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a Disconnect, whatever is wanted: the device comes back and is asked about."""
        del verb, grant
        return standard.disconnect(self.keys(station))
