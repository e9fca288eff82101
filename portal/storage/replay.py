"""Writing what waited on disk: into the database, the oldest first, each record once.

Not the spool (spool.py). The rule to keep: a record is removed only after it was committed, and
writing it again changes nothing: so nothing is lost and nothing doubled, whenever we die.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import asyncpg
import structlog

from portal.domain.session import EndReason
from portal.services.ports import Event
from portal.services.ports.spool import (
    Record,
    UnwrittenReturn,
    UnwrittenSession,
    UnwrittenSignOut,
)
from portal.storage.database import Database
from portal.storage.events import PostgresEvents
from portal.storage.spool import LONGEST_WAIT, DiskSpool
from portal.storage.spool_records import RecordError
from portal.storage.statements import load_statements

_SQL = load_statements("replay")

_UNWRITABLE = (RecordError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""Of a database that answers: this record will not do better the next time."""

_log = structlog.get_logger()


class Replay:
    """One process drains at a time; two are harmless."""

    def __init__(
        self,
        spool: DiskSpool,
        database: Database,
        remove: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._spool = spool
        self._database = database
        self._events = PostgresEvents(database)
        self._remove = remove or spool.remove
        self._turn = asyncio.Lock()

    async def drain(self, now: datetime) -> int:
        """Write what waits; return how many records were written.

        Raises:
            DatabaseUnavailableError: the rest waits on.
        """
        async with self._turn:
            dropped = await self._spool.forget_before(now - LONGEST_WAIT)
            if dropped:
                _log.error("records_dropped", count=dropped, reason="too old")
            written = sum([await self._write_one(name) for name in await self._spool.waiting()])
            if written:
                _log.info("records_written", count=written)
            return written

    async def _write_one(self, name: str) -> bool:
        try:
            record = await self._spool.read(name)
            if record is None:
                return False
            await self._write(record)
        except _UNWRITABLE as problem:
            _log.error("record_set_aside", record_file=name, reason=type(problem).__name__)
            await self._spool.set_aside(name)
            return False
        await self._remove(name)
        return True

    async def _write(self, record: Record) -> None:
        match record:
            case Event():
                await self._events.record(record)
            case UnwrittenSession():
                await self._write_session(record)
            case UnwrittenReturn():
                await self._write_return(record)
            case UnwrittenSignOut():  # pragma: no branch - the last there is
                end = (record.device.mac, record.at, EndReason.LOGGED_OUT)
                paused = (list(record.names.live), record.paused_until, record.names.trace)
                await self._database.fetch(_SQL["sign_out"], *end, *paused)

    async def _write_session(self, record: UnwrittenSession) -> None:
        session, trace = record.session, record.trace
        await self._database.fetch(
            _SQL["session"],
            *(session.id, session.ground, session.mac, session.site_id, session.started_at),
            *(session.ends_at, session.ends_because, trace.key_id, trace.device, record.device),
        )

    async def _write_return(self, record: UnwrittenReturn) -> None:
        session, trace = record.session, record.trace
        await self._database.fetch(
            _SQL["return"],
            *(session.id, session.ground, session.mac, session.site_id, session.started_at),
            *(session.ends_at, session.ends_because, trace.key_id, trace.device, trace.subject),
            *(record.most_devices, list(record.names), record.expires_at),
        )
