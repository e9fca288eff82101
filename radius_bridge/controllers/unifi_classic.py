"""A UniFi controller, by the classic interface: for those without the official one.

Not what is said (radius_bridge/vendors/unifi_api.py). The rule to keep: UniFi OS hands out a token
against forged requests beside its cookie, and a new one now and then; without the latest one it
refuses, and so it does after a restart, when one login more is due, and no second one.
Source: Art-of-WiFi/UniFi-API-client 2, `src/Client.php`.
"""

import asyncio
from datetime import datetime

from radius_bridge.controllers.controller import Admission, ControllerError
from radius_bridge.controllers.door import Answer, JsonDoor
from radius_bridge.secret import Secret
from radius_bridge.vendors import unifi_api
from radius_bridge.vendors.family import Redirected

_OS_PREFIX = "/proxy/network"
_SHUT = (401, 403)


class ClassicUniFi:
    """``user`` is a local account of the controller, without a second factor."""

    knows_addresses = True

    def __init__(self, door: JsonDoor, site: str, user: str, password: Secret) -> None:
        self._door = door
        self._site = site
        self._user = user
        self._password = password
        self._prefix: str | None = None
        self._csrf = ""
        self._turn = asyncio.Lock()

    async def identify(self, visitor: Redirected) -> str | None:
        """Return the visitor's own address when the controller has such a device at this site."""
        if visitor.mac is None or visitor.parameters.get("site") != self._site:
            return None
        path = unifi_api.classic_client_path(self._site, visitor.mac)
        answer = await self._ask("GET", path, None)
        return visitor.mac if unifi_api.classic_knows(answer.body, visitor.mac) else None

    async def admit(self, admission: Admission, now: datetime) -> None:
        """Let a device in, for whole minutes."""
        del now
        visitor = admission.visitor
        access_point = visitor.parameters.get("access_point", "")
        command = unifi_api.classic_authorise(admission.grant, visitor.mac or "", access_point)
        await self._command(command)

    async def expel(self, visitor: Redirected) -> None:
        """Take it back."""
        if visitor.mac is not None:
            await self._command(unifi_api.classic_unauthorise(visitor.mac))

    async def _command(self, command: object) -> None:
        answer = await self._ask("POST", unifi_api.classic_path(self._site), command)
        if not unifi_api.classic_succeeded(answer.require(200).body):
            raise ControllerError("the controller did not say that it is done")

    async def _ask(self, method: str, path: str, body: object) -> Answer:
        async with self._turn:  # one login for all who found the door shut
            if self._prefix is None:
                await self._log_in()
            answer = await self._once(method, path, body)
            if answer.status in _SHUT:
                await self._log_in()
                answer = await self._once(method, path, body)
        return answer

    async def _once(self, method: str, path: str, body: object) -> Answer:
        headers = {"X-CSRF-Token": self._csrf} if self._csrf else {}
        whole = (self._prefix or "") + path
        if method == "GET":
            answer = await self._door.get(whole, headers)
        else:
            answer = await self._door.post(whole, body, headers)
        self._keep_token(answer)
        return answer

    async def _log_in(self) -> None:
        """Log in; UniFi OS, which has other addresses, is known by asking for one of them."""
        self._prefix, self._csrf = None, ""
        is_os = (await self._door.get(f"{_OS_PREFIX}/status")).status == 401
        credentials = {
            "username": self._user,
            "password": self._password.reveal().decode("utf-8"),
        }
        path = "/api/auth/login" if is_os else "/api/login"
        answer = (await self._door.post(path, credentials)).require(200)
        self._keep_token(answer)
        self._prefix = _OS_PREFIX if is_os else ""

    def _keep_token(self, answer: Answer) -> None:
        names = {name.lower(): value for name, value in answer.headers.items()}
        token = names.get("x-updated-csrf-token") or names.get("x-csrf-token")
        self._csrf = token or self._csrf
