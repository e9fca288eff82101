"""The process of a relay, inside a namespace; see `relay` for what it is.

Run as `python -m firewall.lab.relay_server FD portal ORIGIN TRUSTED.pem` or `… FD tcp HOST PORT`;
ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import socket
import ssl
import sys

import aiohttp
import yarl
from aiohttp import web

from firewall.lab import relay_rewriting as rewriting

PROBE = "http://captive.apple.com/hotspot-detect.html"
PORTAL_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
CHUNK_OCTETS = 65536


class PortalRelay:
    """Answers a visitor's browser with what the portal says to the phone."""

    def __init__(self, portal: str, session: aiohttp.ClientSession) -> None:
        self._portal = portal
        self._session = session

    async def pass_on(self, request: web.Request) -> web.Response:
        """One request there, one answer back."""
        visitor = f"http://{request.host}"
        headers = rewriting.to_portal(request.headers.items(), visitor, self._portal)
        try:
            async with self._session.request(
                request.method,
                yarl.URL(self._portal + request.raw_path, encoded=True),
                headers=headers,
                data=await request.read() or None,
                allow_redirects=False,
            ) as answer:
                return await self._pass_back(answer, visitor)
        except (aiohttp.ClientError, TimeoutError) as error:
            return _page(502, "The portal does not answer", f"{type(error).__name__}: {error}")

    async def _pass_back(self, answer: aiohttp.ClientResponse, visitor: str) -> web.Response:
        kind = answer.headers.get("Content-Type", "")
        body = rewriting.body_to_visitor(await answer.read(), kind, visitor, self._portal)
        response = web.Response(status=answer.status, reason=answer.reason, body=body)
        response.headers.popall("Content-Type", None)
        for name, value in rewriting.to_visitor(answer.headers.items(), visitor, self._portal):
            response.headers.add(name, value)
        return response

    async def online(self, _: web.Request) -> web.Response:
        """Whether the phone is captive, asked as an iPhone does."""
        try:
            async with self._session.get(PROBE, allow_redirects=False) as answer:
                if answer.status == 200:
                    return _page(200, "Online", f"{PROBE} answered as it does at home.")
                target = answer.headers.get("Location", "")
                return _page(200, "Captive", f"{PROBE} was answered {answer.status} {target}")
        except (aiohttp.ClientError, TimeoutError) as error:
            return _page(200, "No answer", f"{type(error).__name__}: {error}")

    async def somewhere(self, request: web.Request) -> web.Response:
        """Go where the phone is led: behind an access point, only that address names the device."""
        try:
            async with self._session.get(PROBE, allow_redirects=False) as answer:
                target = answer.headers.get("Location", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            return _page(502, "No answer", f"{type(error).__name__}: {error}")
        if not target:
            return _page(200, "Online", f"{PROBE} answered as it does at home.")
        visitor = f"http://{request.host}"
        return web.HTTPFound(rewriting.localised(target, visitor, self._portal))


def _page(status: int, title: str, text: str) -> web.Response:
    body = (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(text)}</p>"
    )
    return web.Response(status=status, text=body, content_type="text/html")


async def relay_portal(listener: socket.socket, portal: str, trusted: str) -> None:
    """Serve until standard input closes."""
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=trusted), force_close=True
    )
    timeout = aiohttp.ClientTimeout(total=PORTAL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers={"Accept-Encoding": "identity"}
    ) as session:
        relay = PortalRelay(portal, session)
        application = web.Application()
        application.router.add_get("/.lab/online", relay.online)
        application.router.add_get("/.lab/somewhere", relay.somewhere)
        application.router.add_route("*", "/{path:.*}", relay.pass_on)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()


async def relay_tcp(listener: socket.socket, host: str, port: int) -> None:
    """Serve until standard input closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                far_reader, far_writer = await asyncio.open_connection(host, port)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, far_writer))
                both.create_task(_pump(far_reader, writer))
        writer.close()

    async with await asyncio.start_server(serve, sock=listener):
        await asyncio.to_thread(sys.stdin.read)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction, then say that it ended."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_OCTETS):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


def main(words: list[str]) -> None:
    """Dispatch on the kind of relay."""
    listener = socket.socket(fileno=int(words[0]))
    listener.settimeout(0)
    if words[1] == "portal":
        asyncio.run(relay_portal(listener, words[2], words[3]))
    else:
        asyncio.run(relay_tcp(listener, words[2], int(words[3])))


if __name__ == "__main__":
    main(sys.argv[1:])
