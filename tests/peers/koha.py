"""Koha's REST interface as its own description tells it, for one patron: a simulation, not a Koha.

Source: api/v1/swagger/paths of Koha 23.05 (oauth.yaml, auth.yaml, patrons.yaml).
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

CARD, PIN = "20000000000001", "1234"
CLIENT, SECRET = "client", "s3cret"


def _patron() -> dict[str, Any]:
    return {
        "patron_id": 51,
        "cardnumber": CARD,
        "userid": "eva",
        "surname": "Berg",
        "firstname": "Eva",
        "expiry_date": "2030-12-31",
        "restricted": False,
        "patron_card_lost": None,
    }


@dataclass
class Koha:
    """``asked`` is every path in its order; ``tokens`` those that are good."""

    patron: dict[str, Any] = field(default_factory=_patron)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    instead: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    """What answers the question about the patron, in place of Koha."""

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_post("/api/v1/oauth/token", self._token)
        made.router.add_post("/api/v1/auth/password/validation", self._validate)
        made.router.add_get("/api/v1/patrons/{patron_id}", self._record)
        return made

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return web.json_response({"error": "unauthorized_client"}, status=403)
        assert form["grant_type"] == "client_credentials"
        token = f"token-{len(self.asked)}"
        self.tokens.add(token)
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        )

    async def _validate(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.instead is not None:
            return await self.instead(request)
        if not self._is_authorized(request):
            return web.json_response({"error": "Authentication failure."}, status=401)
        body = json.loads(await request.text())
        if set(body) != {"identifier", "password"}:
            return web.json_response({"error": "Bad request."}, status=400)
        if (body["identifier"], body["password"]) != (CARD, PIN):
            return web.json_response({"error": "Validation failed"}, status=400)
        names = ("cardnumber", "patron_id", "userid")
        return web.json_response({name: self.patron[name] for name in names}, status=201)

    async def _record(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if not self._is_authorized(request):
            return web.json_response({"error": "Authentication failure."}, status=401)
        if request.match_info["patron_id"] != str(self.patron["patron_id"]):
            return web.json_response({"error": "Patron not found."}, status=404)
        return web.json_response(self.patron)

    def _is_authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization", "").removeprefix("Bearer ") in self.tokens
