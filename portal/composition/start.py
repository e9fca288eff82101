"""How a process starts and stops: one task group, SIGTERM, and the error that tells the way out."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog

from portal.service_notification import tell_alive, tell_ready

_log = structlog.get_logger()


class StartError(Exception):
    """A process cannot start; the text has the way out."""


def leaves(problem: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions inside a group, however deep task groups have nested them."""
    if isinstance(problem, BaseExceptionGroup):
        for inner in problem.exceptions:
            yield from leaves(inner)
    else:
        yield problem


@contextmanager
def told_plainly() -> Iterator[None]:
    """Let a group of nothing but StartErrors leave as one StartError: it is not a bug.

    Raises:
        StartError: every reason, one a line.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        problems = list(leaves(group))
        if not all(isinstance(problem, StartError) for problem in problems):
            raise
        raise StartError("\n".join(str(problem) for problem in problems)) from group


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
    """Run the tasks put into the group until SIGTERM, or until one of them fails.

    Once they are put in, the service manager hears that the process is ready.
    """

    async def wait_and_stop(stop: asyncio.Event) -> None:
        await stop.wait()
        raise _StoppedError

    try:
        async with stop_signal() as stop, asyncio.TaskGroup() as group:
            group.create_task(wait_and_stop(stop), name="stop signal")
            group.create_task(tell_alive(), name="watchdog")
            yield group
            tell_ready()
    except* _StoppedError:
        _log.info("process_stopped")


class _StoppedError(Exception):
    """The process was asked to stop."""
