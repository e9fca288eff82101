"""The API as one function from request to answer.

Not a web framework and not the table of operations (operations.py). The rule to keep: who asks,
what that token may do and where, and the shape of all that was sent are judged here, before any
handler. No cookie is looked at, so that no browser can be made to ask in somebody's name.
"""

import asyncio
import logging
from dataclasses import replace

from aiohttp import web

from portal.domain.identity import Secret, SiteId
from portal.services.api_tokens import Unknown, Wait
from portal.services.key_files import KeyRingError
from portal.services.ports import DatabaseUnavailableError
from portal.web.api.answers import add_hsts
from portal.web.api.api_site import ApiSite, Call
from portal.web.api.forbidding import forbid
from portal.web.api.models import AtSite
from portal.web.api.operation import Found, Operation, Table
from portal.web.api.operations import OPERATIONS
from portal.web.api.problems import Problem, refuse
from portal.web.api.reading import read_body, read_query
from portal.web.target import asker_address, own_target

_LOG = logging.getLogger("portal.web.api")


class ApiApplication:
    """Answers the requests under ``/api/``."""

    def __init__(self, site: ApiSite, table: Table | None = None) -> None:
        self.site = site
        self._table = table or Table(OPERATIONS)
        self._hosts = frozenset({site.settings.host_name})
        self._places = asyncio.Semaphore(site.settings.most_at_once)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Never raises for anything a program or a neighbour does."""
        response = await self._answered(request)
        if self.site.settings.encrypted:
            add_hsts(response)
        return response

    def broken(self, request: web.BaseRequest) -> web.Response:  # noqa: ARG002 - the boundary's
        """Answer after a fault of our own (the request boundary calls this)."""
        return refuse(Problem.BROKEN)

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        target = own_target(request, self._hosts)
        if target is None:
            return refuse(Problem.OTHER_HOST)
        found = self._table.find(request.method, target[1])
        if not isinstance(found, Found):
            return _nothing_there(found)
        operation = found.operation
        scopes = operation.scopes or frozenset()
        call = Call(request, self.site.clock(), operation.id, scopes, found.named)
        try:
            async with asyncio.timeout(self.site.settings.answer_timeout_s):
                return await self._judged(call, operation)
        except (DatabaseUnavailableError, KeyRingError, TimeoutError) as error:
            _LOG.warning("call_not_answered", extra={"reason": type(error).__name__})
            return refuse(Problem.AWAY)

    async def _judged(self, call: Call, operation: Operation) -> web.Response:
        if operation.scopes is not None:
            known = await self._known(call)
            if isinstance(known, web.Response):
                return known
            call = known
            if not call.me.has_all(operation.scopes):
                return await forbid(self.site, call, Problem.SCOPE_MISSING)
        return await self._read(call, operation)

    async def _read(self, call: Call, operation: Operation) -> web.Response:
        query = read_query(call.request, operation.query)
        if isinstance(query, web.Response):
            return query
        call = replace(call, query=query)
        if operation.at_site:
            placed = await self._placed(call)
            if isinstance(placed, web.Response):
                return placed
            call = placed
        body = await read_body(call.request, operation.takes)
        if isinstance(body, web.Response):
            return body
        async with self._places:
            return await operation.handler(self.site, replace(call, body=body))

    async def _known(self, call: Call) -> Call | web.Response:
        """Return the call of a token that is good."""
        text = _token_of(call.request)
        if text is None:
            return refuse(Problem.NO_GOOD_TOKEN, headers={"WWW-Authenticate": "Bearer"})
        address = asker_address(call.request, self.site.settings.proxies)
        async with self._places:
            known = await self.site.tokens.recognise(text, address, call.now)
        match known:
            case Unknown():
                told = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
                return refuse(Problem.NO_GOOD_TOKEN, headers=told)
            case Wait() as wait:
                return refuse(Problem.TOO_MANY, headers={"Retry-After": str(wait.seconds)})
            case token:
                return replace(call, token=token)

    async def _placed(self, call: Call) -> Call | web.Response:
        """Return the call at the site that it says, or at the only one that it can mean."""
        sites, wished = self.site.settings.sites, SiteId(call.asked(AtSite).site)
        if wished:
            if not call.me.works_at(wished):
                return await forbid(self.site, call, Problem.OTHER_SITE)
            return (
                replace(call, site_id=wished) if wished in sites else refuse(Problem.NO_SUCH_SITE)
            )
        mine = call.me.sites_among(sites)
        return replace(call, site_id=mine[0]) if len(mine) == 1 else refuse(Problem.SITE_MISSING)


def _token_of(request: web.BaseRequest) -> Secret | None:
    """Return what the one header says that may say it (RFC 6750, section 2.1)."""
    said = request.headers.getall("Authorization", [])
    scheme, _, text = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    return Secret(text.strip()) if scheme.lower() == "bearer" and text.strip() else None


def _nothing_there(methods: frozenset[str]) -> web.Response:
    if not methods:
        return refuse(Problem.NO_SUCH_PATH)
    return refuse(Problem.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(methods))})
