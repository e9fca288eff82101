"""A Ruckus controller's northbound interface: SmartZone and RUCKUS One.

Not what is said (radius_bridge/vendors/ruckus_api.py). The rules to keep: the address comes with
the visitor, and was found among the registered hosts; and "pending" is no answer, so the state is
asked for until there is one.
Source: Ruckus "Hotspot WISPr API Reference" 800-73417-001 Rev B.
"""

import asyncio
from datetime import datetime

from radius_bridge.controllers.controller import Admission, ControllerError
from radius_bridge.controllers.door import JsonDoor
from radius_bridge.mac_address import read_mac
from radius_bridge.secret import Secret
from radius_bridge.vendors import ruckus_api
from radius_bridge.vendors.family import Redirected
from radius_bridge.vendors.ruckus_api import Answer

ASK_AGAIN_S = 0.5
PATIENCE_S = 8.0
"""The controller asks us by RADIUS meanwhile; a page may take 20 s."""


class Ruckus:
    """``password`` is that of the interface, the same for every controller of a cluster."""

    knows_addresses = False

    def __init__(
        self, door: JsonDoor, password: Secret, *, ask_again_s: float = ASK_AGAIN_S
    ) -> None:
        self._door = door
        self._password = password
        self._ask_again_s = ask_again_s

    async def identify(self, visitor: Redirected) -> str | None:
        """Return the visitor's address, in clear; the controller is asked for a hidden one."""
        if visitor.mac is not None:
            return visitor.mac
        parameters = visitor.parameters
        question = ruckus_api.decrypt(parameters["client_mac"], self._password)
        clear = ruckus_api.read_decrypted(await self._post(visitor, question))
        return None if clear is None else read_mac(clear.encode("utf-8", "replace"))

    async def admit(self, admission: Admission, now: datetime) -> None:
        """Log the device in with its token, and wait until the controller has asked us."""
        del now
        visitor = admission.visitor
        login = ruckus_api.login(visitor.parameters, admission.token, self._password)
        answer = ruckus_api.read_answer(await self._post(visitor, login))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while answer is Answer.PENDING:
                    await asyncio.sleep(self._ask_again_s)
                    answer = await self._state(visitor)
        except TimeoutError:
            raise ControllerError("the controller is at it still") from None
        if answer is not Answer.AUTHORISED:
            raise ControllerError(f"the controller says: {answer.value}")

    async def expel(self, visitor: Redirected) -> None:
        """End the device's session."""
        request = ruckus_api.disconnect(visitor.parameters, self._password)
        answer = ruckus_api.read_answer(await self._post(visitor, request))
        if answer not in {Answer.DONE, Answer.NOT_FOUND, Answer.UNAUTHORISED}:
            raise ControllerError(f"the controller says: {answer.value}")

    async def _state(self, visitor: Redirected) -> Answer:
        question = ruckus_api.status(visitor.parameters, self._password)
        return ruckus_api.read_answer(await self._post(visitor, question))

    async def _post(self, visitor: Redirected, body: object) -> object:
        answer = await self._door.post_to(visitor.parameters["interface"], body)
        return answer.require(200).body
