"""One listener for two sites: what lies under a path, and all the rest.

Not a router. The rule to keep: it looks at the path alone; each site judges the request itself.
"""

from typing import Protocol

from aiohttp import web

from portal.web.target import target_path


class Site(Protocol):
    """Something that answers requests."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        ...

    def broken(self, request: web.BaseRequest) -> web.Response:
        """Answer after a fault of our own."""
        ...


class SharedListener:
    """Answers what is under ``prefix`` by one site, and the rest by another."""

    def __init__(self, prefix: str, under: Site, rest: Site) -> None:
        self._prefix, self._under, self._rest = prefix, under, rest

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        return await self._site(request).answer(request)

    def broken(self, request: web.BaseRequest) -> web.Response:
        """Answer after a fault of our own."""
        return self._site(request).broken(request)

    def _site(self, request: web.BaseRequest) -> Site:
        return self._under if target_path(request).startswith(self._prefix) else self._rest
