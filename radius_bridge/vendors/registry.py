"""Which object speaks which family's dialect, and where that family takes CoA. Pure."""

from radius_bridge.clients import DYNAMIC_AUTHORIZATION_PORT, FamilyName
from radius_bridge.vendors import cisco
from radius_bridge.vendors.cisco import Cisco
from radius_bridge.vendors.coovachilli import CoovaChilli
from radius_bridge.vendors.family import Family
from radius_bridge.vendors.hostapd import Hostapd
from radius_bridge.vendors.standard import Standard

_FAMILIES: dict[FamilyName, Family] = {
    FamilyName.STANDARD: Standard(),
    FamilyName.COOVACHILLI: CoovaChilli(),
    FamilyName.MIKROTIK: Standard(),
    FamilyName.CISCO: Cisco(),
    FamilyName.ARUBA: Standard(),
    FamilyName.RUCKUS: Standard(),
    FamilyName.MERAKI: Standard(),
    FamilyName.UNIFI: Hostapd(),
    FamilyName.OMADA: Standard(),
    FamilyName.FORTINET: Standard(),
    FamilyName.HOSTAPD: Hostapd(),
    FamilyName.OPENNDS: Standard(),
}

_PORTS = {
    FamilyName.CISCO: cisco.DYNAMIC_PORT,
    FamilyName.MERAKI: cisco.DYNAMIC_PORT,
}


def family_of(name: FamilyName) -> Family:
    """Return the family of this name; there is one for every name."""
    return _FAMILIES[name]


def dynamic_port_of(name: FamilyName) -> int:
    """Return the port where the family takes CoA and Disconnect, unless it is told otherwise."""
    return _PORTS.get(name, DYNAMIC_AUTHORIZATION_PORT)
