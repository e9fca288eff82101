"""Composes the access points that send visitors to the guest site."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

from portal.access_points.gateways import AskingGateways
from portal.access_points.senders import BridgedAccessPoints, Keys, Sender
from portal.access_points.settings import Bridged
from portal.composition.controllers import open_controllers
from portal.composition.radius_clients import bridged
from portal.composition.start import StartError
from portal.config import Config
from portal.config_radius import RadiusClientSection
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.storage.database import Database
from portal.storage.gateway_admissions import PostgresGatewayAdmissions
from radius_bridge.clients import FamilyName


@asynccontextmanager
async def open_access_points(
    config: Config, keys: KeyRing, database: Database
) -> AsyncIterator[BridgedAccessPoints | None]:
    """Open them, and the doors of their controllers; None where no access point is configured.

    Raises:
        StartError: a secret's file or a key cannot be used.
    """
    if config.radius is None:
        yield None
        return
    known = bridged(config)
    senders = [_sender(section, known) for section in config.radius.clients]
    try:
        made = Keys(keys.radius_key("visit"), keys.radius_key("login"))
    except KeyRingError as problem:
        raise StartError(str(problem)) from problem
    async with open_controllers(config) as controllers:
        gateways = AskingGateways(PostgresGatewayAdmissions(database))
        yield BridgedAccessPoints(senders, made, controllers, gateways=gateways)


def _sender(section: RadiusClientSection, known: Bridged) -> Sender:
    return Sender(
        access_point=known.access_points[section.name],
        family=section.family,
        settings=known.portals[section.name],
        visitor_networks=tuple(map(ip_network, section.portal_visitor_networks)),
        fixed_path=_fixed_path(section),
    )


def _fixed_path(section: RadiusClientSection) -> str:
    """Return the address that UniFi has fixed; "" for all others."""
    if section.family is not FamilyName.UNIFI or section.controller is None:
        return ""
    return f"/guest/s/{section.controller.site}"
