"""Health of one process, for the machine it runs on: /healthz, /readyz, /metrics.

Not a page for people, and never reachable by guests: it listens on the loopback address only.
The rule to keep: no label and no text that names a person or a device.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

CHECK_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[object]]
"""Returns when its neighbour is well; raises one of ``Broken`` when it is not."""


def make_application(
    checks: Mapping[str, Check], broken: tuple[type[Exception], ...]
) -> web.Application:
    """Return the application; ``broken`` are the exceptions that mean "not ready"."""
    application = web.Application()
    application.router.add_get("/healthz", _alive)
    application.router.add_get("/metrics", _metrics)

    async def ready(_: web.Request) -> web.Response:
        states = {name: await _state(check, broken) for name, check in checks.items()}
        status = 200 if all(state == "ok" for state in states.values()) else 503
        return web.json_response(states, status=status)

    application.router.add_get("/readyz", ready)
    return application


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"process": "ok"})


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _state(check: Check, broken: tuple[type[Exception], ...]) -> str:
    expected: tuple[type[Exception], ...] = (*broken, TimeoutError)
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except expected as problem:
        return type(problem).__name__
    return "ok"


async def serve(application: web.Application, port: int) -> None:
    """Serve on 127.0.0.1 until cancelled."""
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
