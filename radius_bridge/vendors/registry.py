"""Which object speaks which family's dialect, and where that family takes CoA. Pure."""

from radius_bridge.clients import DYNAMIC_AUTHORIZATION_PORT, FamilyName
from radius_bridge.vendors import cisco
from radius_bridge.vendors.aruba import Aruba
from radius_bridge.vendors.cisco import Cisco
from radius_bridge.vendors.coovachilli import CoovaChilli
from radius_bridge.vendors.family import Family
from radius_bridge.vendors.fortinet import Fortinet
from radius_bridge.vendors.hostapd import Hostapd
from radius_bridge.vendors.meraki import Meraki
from radius_bridge.vendors.mikrotik import MikroTik
from radius_bridge.vendors.omada import Omada
from radius_bridge.vendors.opennds import OpenNds
from radius_bridge.vendors.ruckus import Ruckus
from radius_bridge.vendors.standard import Standard
from radius_bridge.vendors.unifi import UniFi

_FAMILIES: dict[FamilyName, Family] = {
    FamilyName.STANDARD: Standard(),
    FamilyName.COOVACHILLI: CoovaChilli(),
    FamilyName.MIKROTIK: MikroTik(),
    FamilyName.CISCO: Cisco(),
    FamilyName.ARUBA: Aruba(),
    FamilyName.ARUBA_INSTANT: Aruba(is_instant=True),
    FamilyName.RUCKUS: Ruckus(),
    FamilyName.MERAKI: Meraki(),
    FamilyName.UNIFI: UniFi(),
    FamilyName.OMADA: Omada(),
    FamilyName.FORTINET: Fortinet(),
    FamilyName.HOSTAPD: Hostapd(),
    FamilyName.OPENNDS: OpenNds(),
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
