"""A TP-Link Omada controller, as a hotspot operator: "External Portal Server".

Not what is said (radius_bridge/vendors/omada_api.py). The rules to keep: an answer says itself
whether it is a success, whatever its status; and there is no way to put a device out, so that the
time it is given is the end of its session and not more.
Source: TP-Link FAQ 3231.
"""

import asyncio
from datetime import datetime

from radius_bridge.controllers.controller import Admission, ControllerError
from radius_bridge.controllers.door import Answer, JsonDoor
from radius_bridge.secret import Secret
from radius_bridge.vendors import omada_api
from radius_bridge.vendors.family import Redirected
from radius_bridge.vendors.omada_api import TimeUnit


class Omada:
    """``controller`` is its identifier, "" for version 4; ``user`` an operator of the hotspot."""

    knows_addresses = False

    def __init__(
        self, door: JsonDoor, controller: str, user: str, password: Secret, unit: TimeUnit
    ) -> None:
        self._door = door
        self._controller = controller
        self._user = user
        self._password = password
        self._unit = unit
        self._token: str | None = None
        self._turn = asyncio.Lock()

    async def identify(self, visitor: Redirected) -> str | None:
        """Return the address as it came: the interface tells nothing of devices."""
        return visitor.mac

    async def admit(self, admission: Admission, now: datetime) -> None:
        """Let a device in until its session ends."""
        parameters, left_s = admission.visitor.parameters, admission.grant.session_timeout_s
        body = omada_api.authorise(parameters, left_s, now, self._unit)
        async with self._turn:
            had_token = self._token is not None
            answer = await self._once(body)
            if not omada_api.succeeded(answer.body) and had_token:
                self._token = None  # the operator's session may be over
                answer = await self._once(body)
        if not omada_api.succeeded(answer.body):
            raise ControllerError("the controller did not say that it is done")

    async def expel(self, visitor: Redirected) -> None:
        """There is nothing to be said."""

    async def _once(self, body: object) -> Answer:
        if self._token is None:
            self._token = await self._log_in()
        path = omada_api.authorise_path(self._controller)
        return await self._door.post(path, body, {"Csrf-Token": self._token})

    async def _log_in(self) -> str:
        path = omada_api.login_path(self._controller)
        answer = await self._door.post(path, omada_api.login(self._user, self._password))
        token = omada_api.read_token(answer.body)
        if token is None:
            raise ControllerError("the controller refused its operator")
        return token
