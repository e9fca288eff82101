"""Events that outlive an outage of the database: written at once, or kept on disk until it is back.

Not the writing of what was kept (storage/replay.py). The rule to keep: recording never blocks or
breaks what is recorded; an event keeps its origin, so that it is one event however often it comes.
"""

import structlog

from portal.services.ports import DatabaseUnavailableError, Event, Events
from portal.services.ports.spool import Record, Spool, SpoolError

_log = structlog.get_logger()


class SpooledEvents:
    """``services.ports.Events`` that never fails."""

    def __init__(self, events: Events, spool: Spool) -> None:
        self._events = events
        self._spool = spool

    async def record(self, event: Event) -> None:
        """Write one event, or keep it; what can be neither is lost, and said so."""
        try:
            await self._events.record(event)
        except DatabaseUnavailableError:
            await keep(self._spool, event)


async def keep(spool: Spool | None, record: Record) -> bool:
    """Keep a record on disk; False when that was not possible either."""
    if spool is None:
        return False
    try:
        await spool.put(record)
    except SpoolError as problem:
        _log.error("record_lost", kind=type(record).__name__, reason=str(problem))
        return False
    return True
