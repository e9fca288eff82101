"""The guest site's two listeners: plain HTTP for captive devices, TLS for the portal.

Not the application (application.py answers) and not the serving (portal/web/serving.py).
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from portal.web.guest import answers
from portal.web.guest.application import GuestApplication, Listener
from portal.web.protocol import HEAD_DEADLINE_S
from portal.web.serving import Listening, serve
from portal.web.tls import CertificateWatch


@dataclass(frozen=True, slots=True)
class GuestSockets:
    """Bound, listening-ready sockets; ``tls`` go with the context."""

    plain: Sequence[socket.socket]
    tls: Sequence[socket.socket] = ()
    tls_context: ssl.SSLContext | None = None


async def serve_guest(
    application: GuestApplication,
    sockets: GuestSockets,
    *,
    certificates: CertificateWatch | None = None,
    started: asyncio.Event | None = None,
    head_deadline_s: float = HEAD_DEADLINE_S,
) -> None:
    """Serve until cancelled; ``started`` is set when the sockets accept."""
    plain = _listening(application, Listener.PLAIN, sockets.plain, None)
    secure = _listening(application, Listener.TLS, sockets.tls, sockets.tls_context)
    await serve(
        [plain, secure],
        loggers=["portal.web.guest"],
        certificates=certificates,
        started=started,
        head_deadline_s=head_deadline_s,
    )


def _listening(
    application: GuestApplication,
    listener: Listener,
    sockets: Sequence[socket.socket],
    context: ssl.SSLContext | None,
) -> Listening:
    async def handle(request: web.BaseRequest) -> web.Response:
        return await application.answer(request, listener)

    malformed = partial(_malformed, application, listener)
    return Listening(handle, malformed, application.broken, sockets, context)


def _malformed(
    application: GuestApplication, listener: Listener, status: int, harmless: bool
) -> web.Response:
    """Answer what the parser refused. On port 80 an odd Host or method is still only a probe."""
    if harmless and listener is Listener.PLAIN:
        return application.captive("GET")
    return answers.plain("This request cannot be understood.\n", status=status)
