"""How a process starts and stops: one task group, SIGTERM, and the error that tells the way out."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

_log = structlog.get_logger()


class StartError(Exception):
    """A process cannot start; the text has the way out."""


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """Set the event on SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def until_stopped() -> AsyncIterator[asyncio.TaskGroup]:
    """Run the tasks put into the group until SIGTERM, or until one of them fails."""

    async def wait_and_stop(stop: asyncio.Event) -> None:
        await stop.wait()
        raise _StoppedError

    try:
        async with stop_signal() as stop, asyncio.TaskGroup() as group:
            group.create_task(wait_and_stop(stop), name="stop signal")
            yield group
    except* _StoppedError:
        _log.info("process.stopped")


class _StoppedError(Exception):
    """The process was asked to stop."""
