"""A UniFi controller, by its official interface (Network 9.1 and later, with a key).

Not what is said (radius_bridge/vendors/unifi_api.py). The rule to keep: the redirect is unsigned,
so that a device is first found at the controller, which names it by an identifier of its own.
"""

from datetime import datetime

from radius_bridge.controllers.controller import Admission, ControllerError
from radius_bridge.controllers.door import JsonDoor
from radius_bridge.secret import Secret
from radius_bridge.vendors import unifi_api
from radius_bridge.vendors.family import Redirected

_DONE = (200, 201, 202, 204)


class UniFi:
    """``site`` is the name in the controller's addresses, ``default`` where there is one only."""

    knows_addresses = True

    def __init__(self, door: JsonDoor, site: str, key: Secret) -> None:
        self._door = door
        self._name = site
        self._headers = {"X-API-KEY": key.reveal().decode("ascii"), "Accept": "application/json"}
        self._site = ""

    async def identify(self, visitor: Redirected) -> str | None:
        """Return the visitor's own address when the controller has such a device at this site."""
        if visitor.mac is None or visitor.parameters.get("site") != self._name:
            return None
        return visitor.mac if await self._find(visitor.mac) else None

    async def admit(self, admission: Admission, now: datetime) -> None:
        """Let a device in, for whole minutes."""
        del now
        await self._act(admission.visitor, unifi_api.authorise(admission.grant))

    async def expel(self, visitor: Redirected) -> None:
        """Take it back; a device that is away has nothing to lose."""
        if visitor.mac is not None and await self._find(visitor.mac):
            await self._act(visitor, unifi_api.unauthorise())

    async def _act(self, visitor: Redirected, action: object) -> None:
        client = await self._find(visitor.mac or "")
        if client is None:
            raise ControllerError("the controller does not know the device")
        path = unifi_api.action_path(await self._site_id(), client)
        (await self._door.post(path, action, self._headers)).require(*_DONE)

    async def _find(self, mac: str) -> str | None:
        path = unifi_api.client_path(await self._site_id(), mac)
        answer = (await self._door.get(path, self._headers)).require(200)
        return unifi_api.read_client(answer.body, mac)

    async def _site_id(self) -> str:
        """Return the site's identifier; it does not change while the controller lives."""
        if not self._site:
            answer = (await self._door.get(unifi_api.sites_path(), self._headers)).require(200)
            found = unifi_api.read_site(answer.body, self._name)
            if found is None:
                raise ControllerError("the controller has no such site")
            self._site = found
        return self._site
