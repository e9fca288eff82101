"""The database's door: a few dedicated connections that come back by themselves.

Not a place for SQL. The rule to keep: whatever goes wrong between us and PostgreSQL leaves here as
DatabaseUnavailableError, within a time-out; a fault in our own SQL or arguments leaves as it is.
Fails closed: nobody new is let in, nobody is put out.
"""

import asyncio
import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

import asyncpg

from portal.services.ports import DatabaseUnavailableError
from portal.storage.hosts import split_hosts

RETRY_PAUSE_S = 0.05
"""Between two attempts to connect: a restart of PostgreSQL takes 0.2-0.4 s."""

FAIL_FAST_S = 0.5
"""After a connect deadline has passed in vain, others fail at once for so long."""

PART_ROWS = 500
"""Of what is read in parts: a few milliseconds in the driver."""

CONNECT_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""All that asyncpg raises when a connection cannot be had, or breaks."""

_BROKEN_CLASSES = frozenset({"08", "53", "57", "58"})
"""SQLSTATE classes of PostgreSQL itself: connection, resources, operator, system."""

_BROKEN_CODES = frozenset(
    {
        "25006",  # read-only: this server has become a standby
        "25P03",  # idle-in-transaction time-out
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # lock time-out
        "XX001",  # data corrupted
        "XX002",  # index corrupted
    }
)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Time-outs in seconds. A page must be answered within 2 s even when PostgreSQL hangs."""

    connect_s: float = 1.5
    statement_s: float = 1.5


class Database:
    """``size`` connections at most, opened when first needed. Use as ``async with``.

    Sharing one connection per statement costs half of what asyncpg's own pool costs, because
    nothing is reset: no statement here leaves state behind.
    """

    def __init__(
        self, dsn: str, *, size: int = 4, deadlines: Deadlines | None = None, name: str = "kvar"
    ) -> None:
        self._dsn = dsn
        self._name = name
        self._deadlines = deadlines or Deadlines()
        self._slots: asyncio.LifoQueue[asyncpg.Connection | None] = asyncio.LifoQueue()
        self._down_until = 0.0
        for _ in range(size):
            self._slots.put_nowait(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the idle connections; those in use are closed when they come back."""
        size = self._slots.qsize()
        for _ in range(size):
            connection = self._slots.get_nowait()
            if connection is not None:
                await _close(connection)
            self._slots.put_nowait(None)

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Run one statement, committed when this returns, and return its rows.

        Raises:
            DatabaseUnavailableError: it may or may not have been committed.
        """
        async with self.connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(
                sql, *values, timeout=self._deadlines.statement_s
            )
            return rows

    async def fetch_in_parts(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Read many rows, a part at a time, so that whoever else waits in this process has a turn.

        Raises:
            DatabaseUnavailableError: nothing was read.
        """
        timeout_s = self._deadlines.statement_s
        rows: list[asyncpg.Record] = []
        async with self.connection() as connection, connection.transaction(readonly=True):
            cursor = await connection.cursor(sql, *values, timeout=timeout_s)
            while part := await cursor.fetch(PART_ROWS, timeout=timeout_s):
                rows += part
        return rows

    async def fetch_by_kept_plan(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Read by the one plan that is kept for all values, not by one that is made for these.

        For what walks every week's table: to plan that anew takes longer than to run it.

        Raises:
            DatabaseUnavailableError: nothing was read.
        """
        async with self.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            rows: list[asyncpg.Record] = await connection.fetch(
                sql, *values, timeout=self._deadlines.statement_s
            )
            return rows

    async def fetch_row(self, sql: str, *values: object) -> asyncpg.Record | None:
        """Run one statement and return its first row, None when there is none."""
        rows = await self.fetch(sql, *values)
        return rows[0] if rows else None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection for one unit of work.

        Raises:
            DatabaseUnavailableError: none could be had in time, or it broke while in use.
        """
        connection = await self._take()
        try:
            yield connection
        except BaseException as error:
            _discard_if_broken(connection, error)
            if isinstance(error, Exception) and is_unavailable(error, connection):
                raise DatabaseUnavailableError(type(error).__name__) from error
            raise
        finally:
            self._slots.put_nowait(None if connection.is_closed() else connection)

    async def _take(self) -> asyncpg.Connection:
        try:
            async with asyncio.timeout(self._deadlines.connect_s):
                slot = await self._slots.get()
        except TimeoutError as error:
            raise DatabaseUnavailableError("all connections are in use") from error
        if slot is not None and _is_quiet(slot):
            return slot
        try:
            return await self._connect_within_deadline()
        except BaseException:
            self._slots.put_nowait(None)
            raise

    async def _connect_within_deadline(self) -> asyncpg.Connection:
        """Try until it works: a PostgreSQL that restarts is a pause, not a failure."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._deadlines.connect_s
        if clock() < self._down_until:
            raise DatabaseUnavailableError("no connection a moment ago")
        while True:
            try:
                return await self._connect(deadline - clock())
            except CONNECT_ERRORS as error:
                if clock() + RETRY_PAUSE_S >= deadline:
                    self._down_until = clock() + FAIL_FAST_S
                    raise DatabaseUnavailableError(type(error).__name__) from error
            await asyncio.sleep(RETRY_PAUSE_S)

    async def _connect(self, timeout_s: float) -> asyncpg.Connection:
        return await connect(self._dsn, timeout_s, self._deadlines.statement_s, self._name)


async def connect(dsn: str, timeout_s: float, statement_s: float, name: str) -> asyncpg.Connection:
    """Open one connection with our settings; ``timeout_s`` in all, shared by the DSN's hosts.

    Raises:
        CONNECT_ERRORS: it cannot be had now (TimeoutError is an OSError).
    """
    milliseconds = str(int(statement_s * 1000))
    settings = {
        "application_name": name,
        "TimeZone": "UTC",
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": "5000",
        "jit": "off",
    }
    hosts = split_hosts(dsn)
    failure: Exception = OSError("no host")
    for host in hosts:
        try:
            async with asyncio.timeout(timeout_s / len(hosts)):
                return await asyncpg.connect(host, timeout=timeout_s, server_settings=settings)
        except CONNECT_ERRORS as error:
            failure = error
    raise failure


def _is_quiet(connection: asyncpg.Connection) -> bool:
    """Whether an idle connection can be used: open, and the server has not said goodbye on it.

    A server that restarted has closed it, perhaps before our event loop came round to see that.
    """
    if connection.is_closed():
        return False
    socket = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg has no other way
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    connection.terminate()
    return False


def is_unavailable(error: Exception, connection: asyncpg.Connection) -> bool:
    """Whether an exception means that PostgreSQL is broken, and not that we are."""
    match error:
        case OSError():
            return True
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
            return state[:2] in _BROKEN_CLASSES or state in _BROKEN_CODES
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return bool(connection.is_closed())
        case _:
            return False


def _discard_if_broken(connection: asyncpg.Connection, error: BaseException) -> None:
    """Drop a connection whose protocol state is unknown: time-outs, cancellation, I/O faults."""
    unclear = isinstance(error, OSError | asyncio.CancelledError | asyncpg.InternalClientError)
    standby = isinstance(error, asyncpg.PostgresError) and error.sqlstate == "25006"
    if unclear or standby:
        connection.terminate()


async def _close(connection: asyncpg.Connection) -> None:
    with suppress(*CONNECT_ERRORS):
        await connection.close(timeout=1)
