"""Another program of the library: it has a token, and asks. Shared by the tests of the API."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from portal.domain.api_token import Scope
from portal.domain.identity import SiteId
from portal.services.api_tokens import TokenDesk
from portal.storage.api_tokens import PostgresApiTokens
from tests.portal.web.portal_under_test import Answer, exchange
from tests.portal.web.staff.staff_under_test import CITY, StaffWorld

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass
class Program:
    """A program with a token, which asks at the city library unless told otherwise."""

    port: int
    token: str

    async def get(self, path: str, *more: str) -> Answer:
        return await self.send("GET", path, None, *more)

    async def post(self, path: str, body: object = None, *more: str) -> Answer:
        text = None if body is None else json.dumps(body)
        return await self.send("POST", path, text, *more)

    async def send(
        self, method: str, path: str, body: str | bytes | None, *more: str, kind: str = JSON
    ) -> Answer:
        lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"Authorization: Bearer {self.token}"] if self.token else []
        raw = body.encode() if isinstance(body, str) else body or b""
        if body is not None:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(raw)}"]
        head = "\r\n".join([*lines, *more, "", ""]).encode()
        return await exchange(self.port, head + raw)


@dataclass
class ApiWorld:
    """The staff's world, of which the API is a part."""

    staff: StaffWorld

    @property
    def desk(self) -> TokenDesk:
        return TokenDesk(PostgresApiTokens(self.staff.database), self.staff.staff.events, "root")

    async def program(
        self,
        *scopes: Scope,
        name: str = "cinema",
        sites: tuple[SiteId, ...] | None = (CITY,),
        days: float = 365,
    ) -> Program:
        made = await self.desk.create(
            name, scopes or tuple(Scope), sites, timedelta(days=days), self.staff.time()
        )
        assert made is not None
        return Program(self.staff.port, made.reveal())


def told(answer: Answer) -> Any:
    """Return what a good answer says."""
    assert answer.headers["Content-Type"] == JSON, answer
    return json.loads(answer.body)


def problem(answer: Answer) -> tuple[int, str]:
    """Return why it was not done."""
    assert answer.headers["Content-Type"] == PROBLEM, answer
    said = json.loads(answer.body)
    assert said["status"] == answer.status
    assert set(said) == {"type", "title", "status", "code", "detail", "faults"}
    return answer.status, said["code"]


def pointers(answer: Answer) -> list[str]:
    """Return where the faults are."""
    return [fault["pointer"] for fault in json.loads(answer.body)["faults"]]
