"""Work that is done again and again for as long as the process lives.

Not for work that waits for something to come (spooling.py, accounting.py). The rule to keep: what
goes wrong ends its own round and no other. A database that is away is no fault.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Never

import structlog

from portal.services.ports import DatabaseUnavailableError

_log = structlog.get_logger()


async def repeat(work: Callable[[], Awaitable[object]], every_s: float, not_done: str) -> Never:
    """Do the work now, and again after each pause; ``not_done`` names in the log what was not."""
    while True:
        try:
            await work()
        except DatabaseUnavailableError as problem:
            _log.debug(not_done, reason=str(problem))
        except Exception as problem:  # noqa: BLE001 - the boundary of one round
            _log.error(not_done, reason=type(problem).__name__)
        await asyncio.sleep(every_s)
