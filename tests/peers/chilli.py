"""An access point as a browser meets it: CoovaChilli's UAM, and controllers with a web form.

Written from CoovaChilli 1.9 (src/redir.c) and Cisco document 217457, not from our own code: it
signs, checks CHAP and asks about the login as they do. One device is behind it.
"""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from aiohttp import web

Password = Callable[[str], str | None]
"""Returns the password that RADIUS knows for a user name; None: it knows none."""


@dataclass
class AccessPoint:
    """``portal_url`` is where it sends visitors, ``password_of`` is its RADIUS server."""

    portal_url: str
    secret: bytes
    mac: str
    password_of: Password
    is_open: bool = False
    challenge: bytes = b""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """The requests that came, whole, with what they brought."""
    referers: list[str] = field(default_factory=list)

    # --- UAM --------------------------------------------------------------------------------------

    def _redirect(self, res: str) -> web.Response:
        self.challenge = self.challenge or secrets.token_bytes(16)
        query = (
            f"?res={res}&uamip=127.0.0.1&uamport={self.port}"
            f"&challenge={self.challenge.hex()}&called=00-0D-B9-00-00-01"
            f"&mac={self.mac.upper().replace(':', '-')}&ip=10.1.0.77&ssid=Guest&nasid=chilli"
            f"&sessionid=6566f0a200000001&userurl={quote('http://captive.apple.com/', safe='')}"
        )
        whole = self.portal_url + query
        signature = hashlib.md5(whole.encode() + self.secret, usedforsecurity=False).hexdigest()
        return _to(f"{whole}&md={signature.upper()}")

    async def intercepted(self, request: web.Request) -> web.Response:
        """Whatever is asked before the login."""
        self._note(request)
        return self._redirect("already" if self.is_open else "notyet")

    async def logon(self, request: web.Request) -> web.Response:
        """The answer to the challenge (RFC 1994 section 4.1, identifier 0)."""
        self._note(request)
        password = self.password_of(request.query["username"])
        challenge, self.challenge = self.challenge, b""
        mixed = hashlib.md5(challenge + self.secret, usedforsecurity=False).digest()
        expected = hashlib.md5(b"\0" + (password or "").encode() + mixed, usedforsecurity=False)
        given = request.query["response"]
        self.is_open = password is not None and hmac.compare_digest(expected.hexdigest(), given)
        return self._redirect("success" if self.is_open else "failed")

    async def logoff(self, request: web.Request) -> web.Response:
        """The log-off address, without anything."""
        self._note(request)
        self.is_open = False
        return self._redirect("logoff")

    # --- a web form -------------------------------------------------------------------------------

    async def form(self, request: web.Request) -> web.Response:
        """The controller's own page, which takes the form."""
        self._note(request)
        fields = await request.post()
        self.asked.append(str(sorted(fields)))
        password = self.password_of(str(fields["username"]))
        self.is_open = password is not None and password == fields["password"]
        return _to(str(fields["redirect_url"]) if self.is_open else self.portal_url)

    @property
    def welcome(self) -> str:
        """Where a FortiGate leads on to: nobody told it."""
        return f"http://localhost:{self.port}/welcome"

    async def fgtauth(self, request: web.Request) -> web.Response:
        """A FortiGate's form."""
        self._note(request)
        fields = await request.post()
        assert fields["magic"] == "0a0b0c0d"
        password = self.password_of(str(fields["username"]))
        self.is_open = password is not None and password == fields["password"]
        return _to(self.welcome)

    async def welcomed(self, request: web.Request) -> web.Response:
        """The page that it leads on to."""
        self._note(request)
        return web.Response(text="Welcome")

    def _note(self, request: web.Request) -> None:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.referers.append(request.headers.get("Referer", ""))


def _to(url: str) -> web.Response:
    return web.Response(status=302, headers={"Location": url})


@asynccontextmanager
async def running_access_point(point: AccessPoint) -> AsyncIterator[AccessPoint]:
    application = web.Application()
    application.router.add_get("/logon", point.logon)
    application.router.add_get("/logoff", point.logoff)
    application.router.add_post("/login.html", point.form)
    application.router.add_post("/fgtauth", point.fgtauth)
    application.router.add_get("/welcome", point.welcomed)
    application.router.add_get("/{page:.*}", point.intercepted)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        point.port = runner.addresses[0][1]
        yield point
    finally:
        await runner.cleanup()
