"""Controllers of UniFi, Omada and Ruckus as their makers describe them, with their traps, over TLS.

Written from: Ubiquiti help.ui.com 31228198640023; Art-of-WiFi/UniFi-API-client 2; TP-Link FAQ 2907
and 3231; Ruckus 800-73417-001 Rev B. Nothing of ours is used here but the lab's certificates.
"""

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from firewall.lab.authority import Authority

SITE_ID = "88f7af54-98f8-306a-a1c7-c9349722b1f6"
CLIENT_ID = "0d9f0c0c-4a8e-4a3e-9b4e-0d4f4a1d2c3b"
API_KEY, USER, PASSWORD = "k3y-of-the-console", "kvar", "pässword of the controller"
OMADA_ID = "0123456789abcdef0123456789abcdef"


@dataclass
class Controller:
    """``devices`` are those it sees; ``asked`` notes what came, without bodies."""

    devices: set[str] = field(default_factory=set)
    authorised: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_broken: bool = False
    answers_late_s: float = 0.0
    url: str = ""
    fingerprint: bytes = b""
    ca_file: Path = Path()

    @web.middleware
    async def note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        await asyncio.sleep(self.answers_late_s)
        if self.is_broken:
            return web.Response(status=502, text="<html>bad gateway</html>")
        answer: web.StreamResponse = await handler(request)
        return answer

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError


@dataclass
class Official(Controller):
    """UniFi Network's own interface, behind a key."""

    def routes(self) -> list[web.RouteDef]:
        base = "/proxy/network/integration/v1/sites"
        return [
            web.get(base, self.sites),
            web.get(base + "/{site}/clients", self.clients),
            web.post(base + "/{site}/clients/{client}/actions", self.act),
        ]

    async def sites(self, request: web.Request) -> web.Response:
        self._check(request)
        entry = {"id": SITE_ID, "internalReference": "default", "name": "Library"}
        return web.json_response({"offset": 0, "limit": 25, "count": 1, "data": [entry]})

    async def clients(self, request: web.Request) -> web.Response:
        self._check(request)
        assert request.match_info["site"] == SITE_ID
        wanted = request.query["filter"]
        found = [mac for mac in self.devices if wanted == f"macAddress.eq('{mac}')"]
        data = [{"id": CLIENT_ID, "macAddress": mac, "type": "WIRELESS"} for mac in found]
        return web.json_response({"offset": 0, "limit": 25, "count": len(data), "data": data})

    async def act(self, request: web.Request) -> web.Response:
        self._check(request)
        body = await request.json()
        assert (request.match_info["site"], request.match_info["client"]) == (SITE_ID, CLIENT_ID)
        (mac,) = self.devices
        if body["action"] == "AUTHORIZE_GUEST_ACCESS":
            assert isinstance(body["timeLimitMinutes"], int)
            assert 1 <= body["timeLimitMinutes"] <= 1_000_000
            self.authorised[mac] = body
        else:
            assert body == {"action": "UNAUTHORIZE_GUEST_ACCESS"}
            self.authorised.pop(mac, None)
        return web.json_response({"action": body["action"]})

    def _check(self, request: web.Request) -> None:
        if request.headers.get("X-API-KEY") != API_KEY:
            raise web.HTTPUnauthorized(text="{}")


@dataclass
class Classic(Controller):
    """UniFi's older interface, on UniFi OS or by itself."""

    is_os: bool = True
    session: str = ""
    csrf: str = ""

    def routes(self) -> list[web.RouteDef]:
        prefix = "/proxy/network" if self.is_os else ""
        login = "/api/auth/login" if self.is_os else "/api/login"
        known = [web.get("/proxy/network/status", self.status)] if self.is_os else []
        return [
            *known,
            web.post(login, self.login),
            web.get(prefix + "/api/s/default/stat/sta/{mac}", self.device),
            web.post(prefix + "/api/s/default/cmd/stamgr", self.command),
        ]

    async def status(self, _: web.Request) -> web.Response:
        return web.json_response({"error": {"code": 401}}, status=401)

    async def login(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (body["username"], body["password"]) != (USER, PASSWORD):
            return web.json_response({"meta": {"rc": "error"}}, status=400)
        self.restart()
        response = web.json_response({"meta": {"rc": "ok"}, "data": []})
        response.set_cookie("TOKEN" if self.is_os else "unifises", self.session, httponly=True)
        if self.is_os:
            response.headers["X-CSRF-Token"] = self.csrf
        return response

    def restart(self) -> None:
        """Forget who was logged in."""
        self.session, self.csrf = secrets.token_hex(), secrets.token_hex()

    async def device(self, request: web.Request) -> web.Response:
        if not self._is_in(request):
            return web.json_response({"meta": {"rc": "error"}}, status=401)
        mac = request.match_info["mac"]
        if mac not in self.devices:
            meta = {"rc": "error", "msg": "api.err.UnknownUser"}
            return web.json_response({"meta": meta, "data": []}, status=400)
        return web.json_response({"meta": {"rc": "ok"}, "data": [{"mac": mac}]})

    async def command(self, request: web.Request) -> web.Response:
        if not self._is_in(request):
            return web.json_response({"meta": {"rc": "error"}}, status=401)
        if self.is_os and request.headers.get("X-CSRF-Token") != self.csrf:
            return web.json_response({"error": "Invalid CSRF Token"}, status=403)
        body = await request.json()
        if body["cmd"] == "authorize-guest":
            self.authorised[body["mac"]] = body
        elif body["cmd"] == "unauthorize-guest":
            self.authorised.pop(body["mac"], None)
        else:
            return web.json_response({"meta": {"rc": "error", "msg": "api.err.InvalidCommand"}})
        response = web.json_response({"meta": {"rc": "ok"}, "data": []})
        if self.is_os:  # a new one now and then; the old one is void
            self.csrf = secrets.token_hex()
            response.headers["X-Updated-CSRF-Token"] = self.csrf
        return response

    def _is_in(self, request: web.Request) -> bool:
        name = "TOKEN" if self.is_os else "unifises"
        return bool(self.session) and request.cookies.get(name) == self.session


@dataclass
class OmadaController(Controller):
    """Omada 5: every answer is 200, and says itself what it is worth."""

    session: str = ""
    csrf: str = ""

    def routes(self) -> list[web.RouteDef]:
        base = f"/{OMADA_ID}/api/v2/hotspot"
        return [web.post(base + "/login", self.login), web.post(base + "/extPortal/auth", self.let)]

    async def login(self, request: web.Request) -> web.Response:
        if await request.json() != {"name": USER, "password": PASSWORD}:
            return web.json_response({"errorCode": -30109, "msg": "Invalid username or password."})
        self.restart()
        result = {"token": self.csrf}
        response = web.json_response({"errorCode": 0, "msg": "Hotspot log in.", "result": result})
        response.set_cookie("TPOMADA_SESSIONID", self.session)
        return response

    def restart(self) -> None:
        """Forget who was logged in."""
        self.session, self.csrf = secrets.token_hex(16), secrets.token_hex(16)

    async def let(self, request: web.Request) -> web.Response:
        body = await request.json()
        is_in = request.cookies.get("TPOMADA_SESSIONID") == self.session != ""
        if not is_in or request.headers.get("Csrf-Token") != self.csrf:
            return web.json_response({"errorCode": -1200, "msg": "The session is over."})
        assert body["authType"] == 4
        assert isinstance(body["radioId"], int)
        self.authorised[body["clientMac"]] = body
        return web.json_response({"errorCode": 0})


@dataclass
class Northbound(Controller):
    """Ruckus: it asks RADIUS before a login is done, and hides addresses.

    ``radius`` says what our server would answer to a user name and a password.
    """

    radius: Callable[[str, str], bool] = lambda _name, _password: True
    pending: int = 0
    """How often it answers that it is at it still."""
    never_done: bool = False
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/portalintf", self.portal)]

    async def portal(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["Vendor"] == "ruckus"
        if (body["RequestUserName"], body["RequestPassword"]) != ("api", PASSWORD):
            return self._say(306, "Wrong password")
        if body["RequestType"] == "Decrypt":
            return self._say(200, "OK", Data="3C:5A:B4:01:02:03")
        return self._online(body)

    def _online(self, body: dict[str, str]) -> web.Response:
        mac = body["UE-MAC"]
        match body["RequestType"]:
            case "LoginAsync":
                self.logins[mac] = (body["UE-Username"], body["UE-Password"])
                self.pending = 2
                return self._say(202, "Authentication pending")
            case "Status":
                return self._status(mac)
            case "Disconnect":
                known = self.authorised.pop(mac, None)
                return self._say(200, "OK") if known else self._say(300, "Not found")
        return self._say(303, "Unsupported")

    def _status(self, mac: str) -> web.Response:
        if self.never_done or self.pending > 0:
            self.pending -= 1
            return self._say(202, "Authentication pending")
        if self.radius(*self.logins[mac]):
            self.authorised[mac] = {}
            return self._say(101, "Client authorized")
        return self._say(301, "Login failed")

    def _say(self, code: int, text: str, **more: str) -> web.Response:
        head = {"Vendor": "ruckus", "APIVersion": "1.0", "ResponseCode": code}
        return web.json_response({**head, "ReplyMessage": text, **more})


@asynccontextmanager
async def running(controller: Controller, directory: Path) -> AsyncIterator[str]:
    """Serve it; return its address. Its certificate is the lab's for 127.0.0.1."""
    authority = Authority.create(directory, datetime.now(UTC))
    made = authority.issue(["127.0.0.1"], datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    controller.ca_file = authority.certificate_file
    pem = ssl.PEM_cert_to_DER_cert(made.chain.read_text().partition("-----END")[0] + _END)
    controller.fingerprint = hashlib.sha256(pem).digest()
    application = web.Application(middlewares=[controller.note])
    application.add_routes(controller.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        controller.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield controller.url
    finally:
        await runner.cleanup()


_END = "-----END CERTIFICATE-----\n"
