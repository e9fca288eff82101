"""aiohttp's connection with limits in front: a head deadline, a cap, our own words for errors.

Not a server of its own: parsing, answering and keep-alive stay aiohttp's. The rule to keep: a
connection that has not sent a whole request head costs us no more than its deadline, and when all
places are taken the one that has waited longest for its head gives way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError, LineTooLong

_LOG = logging.getLogger("portal.web")

HEAD_DEADLINE_S = 10.0
"""aiohttp has none: a half-sent head lives for ever. A phone sends its head in one packet."""

MOST_CONNECTIONS = 4096
LONGEST_LINE = 8190
"""Bytes of a request line or a header field, aiohttp's own default."""

_LINGER_S = 1.0
"""How long an answer waits for the rest of an unread body, so that it is not lost in a reset."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Malformed = Callable[[int, bool], web.Response]
"""Makes the answer to what the parser refused: the status, and whether redirecting is as safe."""

Broken = Callable[[web.BaseRequest], web.Response]


class Places:
    """The places for connections, shared by all listeners of a site."""

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self.most = most
        self.taken = 0
        self._waiting: dict[LimitedConnection, None] = {}

    def take(self, connection: "LimitedConnection") -> None:
        """Give a new connection a place; when there is none, who waits longest gives way."""
        self.taken += 1
        self._waiting[connection] = None
        if self.taken > self.most:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()

    def hold(self, connection: "LimitedConnection") -> None:
        """Note that a connection has a whole request: it no longer gives way to others."""
        self._waiting.pop(connection, None)

    def wait(self, connection: "LimitedConnection") -> None:
        """Note that a connection waits for its next request."""
        self._waiting[connection] = None

    def leave(self, connection: "LimitedConnection") -> None:
        """Take the place back."""
        self.taken -= 1
        self._waiting.pop(connection, None)


class LimitedServer(web.Server):
    """Makes connections with a head deadline, and keeps their number under a cap."""

    def __init__(
        self,
        handler: Handler,
        *,
        malformed: Malformed,
        broken: Broken,
        places: Places,
        head_deadline_s: float = HEAD_DEADLINE_S,
    ) -> None:
        super().__init__(
            handler,
            access_log=None,
            keepalive_timeout=head_deadline_s + 1,  # ours comes first
            lingering_time=_LINGER_S,
            auto_decompress=False,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )
        self.malformed = malformed
        self.broken = broken
        self.places = places
        self.head_deadline_s = head_deadline_s

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of one connection."""
        return LimitedConnection(self, **self._kwargs)


class LimitedConnection(web.RequestHandler):
    """One connection."""

    def __init__(self, server: LimitedServer, **settings: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **settings)
        self._server = server
        self._deadline: asyncio.TimerHandle | None = None
        self._requests_begun = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock."""
        super().connection_made(transport)
        self._await_head()
        self._server.places.take(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what came; a whole head stops the clock."""
        super().data_received(data)
        if self._request_count > self._requests_begun:
            self._requests_begun = self._request_count
            self._stop_clock()
            self._server.places.hold(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._stop_clock()
        self._server.places.leave(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once, without waiting for anything."""
        if self.transport is not None:
            self.transport.abort()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer, then start the clock for the next head."""
        result = await super().finish_response(request, resp, start_time)
        if not self._messages and self.transport is not None:  # else its place was given back
            self._await_head()
            self._server.places.wait(self)
        return result

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002 - aiohttp's signature
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - the same
    ) -> web.StreamResponse:
        """Answer to what the parser refused, or to a fault of our own; then close.

        Never repeats what was sent, in answer or log: it may hold a PIN.
        """
        if isinstance(exc, HttpProcessingError):
            _LOG.info("request_refused", extra={"reason": type(exc).__name__})
            response = self._server.malformed(_status_of(exc), _is_harmless(exc))
        else:
            _LOG.error("page_failed", exc_info=exc)
            response = self._server.broken(request)
        response.force_close()
        response.headers["Connection"] = "close"
        return response

    def _await_head(self) -> None:
        self._stop_clock()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._server.head_deadline_s, self.abort)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _status_of(exc: HttpProcessingError) -> int:
    if isinstance(exc, LineTooLong):
        # aiohttp tells the two apart only by the type of what it quotes.
        return 414 if "bytearray(" in (exc.message or "") else 431
    return 400


def _is_harmless(exc: HttpProcessingError) -> bool:
    """Say whether only the Host header or the method was odd.

    Such a request is whole and its end is known; anything wrong with lengths or encodings is not
    (request smuggling lives there) and gets its 400.
    """
    return isinstance(exc, BadHttpMethod) or "'Host' header" in (exc.message or "")
