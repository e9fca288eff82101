"""Composes the controllers that let devices in, each behind a door of its own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from portal.composition.radius_clients import read_secret
from portal.composition.start import StartError
from portal.config import Config
from portal.config_controller import ControllerSection
from radius_bridge.clients import FamilyName
from radius_bridge.controllers.controller import Controller
from radius_bridge.controllers.door import JsonDoor, Trust
from radius_bridge.controllers.omada import Omada
from radius_bridge.controllers.ruckus import Ruckus
from radius_bridge.controllers.unifi import UniFi
from radius_bridge.controllers.unifi_classic import ClassicUniFi
from radius_bridge.secret import Secret


@asynccontextmanager
async def open_controllers(config: Config) -> AsyncIterator[Mapping[str, Controller]]:
    """Open the doors of all controllers; they are named as their clients are.

    Raises:
        StartError: a file cannot be used.
    """
    async with AsyncExitStack() as stack:
        opened: dict[str, Controller] = {}
        for client in config.radius.clients if config.radius else ():
            if client.controller is not None:
                door = await stack.enter_async_context(_door(client.name, client.controller))
                opened[client.name] = _controller(client.family, client.controller, door)
        yield opened


def _door(name: str, section: ControllerSection) -> JsonDoor:
    pin = section.certificate_sha256
    try:
        trust = Trust(section.ca_file, bytes.fromhex(pin) if pin else None)
        return JsonDoor(section.url, trust)
    except OSError as problem:
        where = f"[radius.clients.controller] of {name}"
        raise StartError(f"{where}: ca_file cannot be used: {problem}") from problem


def _controller(family: FamilyName, section: ControllerSection, door: JsonDoor) -> Controller:
    secret = Secret(_secret(section).encode())
    if family is FamilyName.OMADA:
        unit = section.omada_time_unit
        return Omada(door, section.omada_id, section.user, secret, unit)
    if family is FamilyName.RUCKUS:
        return Ruckus(door, secret)
    if section.user:
        return ClassicUniFi(door, section.site, section.user, secret)
    return UniFi(door, section.site, secret)


def _secret(section: ControllerSection) -> str:
    if section.secret_file is not None:
        return read_secret(section.secret_file)
    return section.secret.get_secret_value()
