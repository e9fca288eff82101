"""Composes the access points that send visitors to the guest site."""

from ipaddress import ip_network

from portal.access_points import BridgedAccessPoints, Keys, Sender
from portal.composition.radius_clients import bridged
from portal.composition.start import StartError
from portal.config import Config
from portal.config_radius import RadiusClientSection
from portal.domain.identity import SiteId
from portal.services.key_ring import KeyRing, KeyRingError
from radius_bridge.vendors.family import PortalSettings


def compose_access_points(config: Config, keys: KeyRing) -> BridgedAccessPoints | None:
    """Return them; None where no access point is configured.

    Raises:
        StartError: a secret's file or a key cannot be used.
    """
    if config.radius is None:
        return None
    portals = bridged(config).portals
    senders = [_sender(section, portals[section.name]) for section in config.radius.clients]
    try:
        made = Keys(keys.radius_key("visit"), keys.radius_key("login"))
    except KeyRingError as problem:
        raise StartError(str(problem)) from problem
    return BridgedAccessPoints(senders, made)


def _sender(section: RadiusClientSection, portal: PortalSettings) -> Sender:
    return Sender(
        name=section.name,
        site_id=SiteId(section.site),
        family=section.family,
        settings=portal,
        visitor_networks=tuple(map(ip_network, section.portal_visitor_networks)),
    )
