"""Health of one process, for the machine it runs on: /healthz, /readyz, /metrics.

Not a page for people, and never reachable by guests: it listens on the loopback address only.
The rule to keep: no label and no text that names a person or a device.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

CHECK_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[object]]
"""Returns when its neighbour is well; raises one of ``Broken`` when it is not."""


@dataclass(frozen=True, slots=True)
class Exposition:
    """What /metrics tells. At every scrape the checks are made, and ``refresh`` is awaited.

    ``note`` is told of each check's neighbour whether it answered. ``refresh`` raises one of
    ``Broken`` where a neighbour is away; what it would have said is then left to it.
    """

    registry: CollectorRegistry
    note: Callable[[str, bool], None]
    refresh: Sequence[Check] = ()


def make_application(
    checks: Mapping[str, Check], broken: tuple[type[Exception], ...], exposition: Exposition
) -> web.Application:
    """Return the application; ``broken`` are the exceptions that mean "not ready"."""
    application = web.Application()
    application.router.add_get("/healthz", _alive)

    async def metrics(_: web.Request) -> web.Response:
        for name, check in checks.items():
            exposition.note(name, await _state(check, broken) == "ok")
        for refresh in exposition.refresh:
            await _state(refresh, broken)
        body = generate_latest(exposition.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    application.router.add_get("/metrics", metrics)

    async def ready(_: web.Request) -> web.Response:
        states = {name: await _state(check, broken) for name, check in checks.items()}
        status = 200 if all(state == "ok" for state in states.values()) else 503
        return web.json_response(states, status=status)

    application.router.add_get("/readyz", ready)
    return application


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"process": "ok"})


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
