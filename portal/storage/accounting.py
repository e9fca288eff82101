"""Accounts of visits to access points in PostgreSQL (implements services.ports.accounting).

Not the rules (portal/domain/accounting.py) and not what a batch makes of them (accounting_book.py).
The rules to keep: what was read or remembered is written over only where it is still so, and is
read anew under the access points' locks otherwise; accounts are written in the order of their
names, then sessions in the order of their ids. So what many write at once is counted once, and none
waits for ever.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

from portal.domain.accounting import Account, ClosedBy, Octets, UseStatus
from portal.domain.identity import SiteId
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.accounting import QuietSession, Restart, UseRecord
from portal.storage.accounting_book import Book, Kept, Row
from portal.storage.database import Database
from portal.storage.sessions import session_of
from portal.storage.statements import load_statements

_SQL = load_statements("accounting")

RETRIES = 3
"""For a batch that lost in a deadlock, or whose accounts were forgotten while it was written."""

BATCH_S = 3.0
"""A batch takes milliseconds; access points repeat what was not acknowledged after 2 s or more."""

MOST_REMEMBERED = 20_000
"""Accounts: what ten thousand devices have now and had before. About 1 kB each."""

_START = UseStatus.START


class _OvertakenError(Exception):
    """Who takes no access point's lock (retention, erasure) has changed what was read."""


class PostgresAccounts:
    """Accounts of the whole organisation. Those written last are remembered, not read again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered: OrderedDict[bytes, Kept] = OrderedDict()

    async def write(self, records: Sequence[UseRecord | Restart]) -> None:
        """See services.ports.accounting.Accounts."""
        for _ in range(RETRIES):
            try:
                return await self._write(records)
            except _OvertakenError:
                continue
            except DatabaseUnavailableError as error:
                # Another server may be asked next, that has not all that this one had.
                self._remembered.clear()
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    raise
        raise DatabaseUnavailableError("overtaken each time")

    async def _write(self, records: Sequence[UseRecord | Restart]) -> None:
        uses = [record for record in records if isinstance(record, UseRecord)]
        if len(uses) < len(records) or not await self._write_at_once(uses):
            await self._write_locked(records)

    async def _write_at_once(self, uses: Sequence[UseRecord]) -> bool:
        """Write what nobody else writes meanwhile, in one question; False: somebody has."""
        if not uses:
            return True
        known = await self._known(uses)
        book = _folded(uses, known)
        [(written_in,)] = await self._database.fetch(_SQL["write"], *_values(uses, book))
        if written_in is None:
            for name, _ in book.accounts:
                self._remembered.pop(name, None)
            return False
        self._remember(book, written_in)
        return True

    async def _known(self, uses: Sequence[UseRecord]) -> Mapping[bytes, Kept]:
        """Return accounts as they are remembered, or read; those that just begin are new."""
        remembered, known, unknown = self._remembered, dict[bytes, Kept](), set[bytes]()
        for record in uses:
            name = record.name
            kept = remembered.get(name)
            if kept is not None:
                known[name] = kept
            elif record.use.status is not _START:
                unknown.add(name)
        if unknown:
            rows = await self._database.fetch(_SQL["known"], list(unknown))
            known.update(map(_kept, rows))
        return known

    def _remember(self, book: Book, written_in: int) -> None:
        remembered = self._remembered
        for name, account in book.accounts:
            remembered[name] = Kept(account, written_in)
            remembered.move_to_end(name)
        while len(remembered) > MOST_REMEMBERED:
            remembered.popitem(last=False)

    async def _write_locked(self, records: Sequence[UseRecord | Restart]) -> None:
        """Write while nobody else does, each record and each restart in its turn."""
        async with self._locked({record.access_point for record in records}) as connection:
            waiting: list[UseRecord] = []
            for record in records:
                if isinstance(record, UseRecord):
                    waiting.append(record)
                    continue
                await _write_turn(connection, waiting)
                waiting = []
                told = (record.access_point, record.nas, record.bss, record.at)
                await connection.execute(_SQL["restart"], *told)
            await _write_turn(connection, waiting)

    async def close_silent(self, silent_since: Mapping[str, datetime]) -> int:
        """See services.ports.accounting.Accounts."""
        columns = (list(silent_since), list(silent_since.values()))
        async with self._locked(silent_since) as connection:
            return int(await connection.fetchval(_SQL["close_silent"], *columns))

    @asynccontextmanager
    async def _locked(self, access_points: Iterable[str]) -> AsyncIterator[asyncpg.Connection]:
        """Hold these access points' locks for one transaction.

        One that fails is ended by its connection's end: a server that hangs answers no ROLLBACK.
        """
        async with self._database.connection() as connection:
            try:
                async with asyncio.timeout(BATCH_S):
                    await connection.execute("BEGIN")
                    await connection.execute(_SQL["lock"], sorted(access_points))
                    yield connection
                    await connection.execute("COMMIT")
            except BaseException:
                connection.terminate()
                raise

    async def heard(self, since: datetime) -> Mapping[str, datetime]:
        """See services.ports.accounting.Accounts."""
        rows = await self._database.fetch(_SQL["heard"], since)
        return {row["access_point"]: row["heard_at"] for row in rows}

    async def quiet(self, site_ids: Sequence[SiteId], since: datetime) -> Sequence[QuietSession]:
        """See services.ports.accounting.Accounts."""
        rows = await self._database.fetch(_SQL["quiet"], list(site_ids), since)
        return [QuietSession(session_of(row), row["access_point"]) for row in rows]


async def _write_turn(connection: asyncpg.Connection, uses: Sequence[UseRecord]) -> None:
    """Write records whose accounts nobody else writes; then the sessions must stand still too.

    Raises:
        _OvertakenError: nothing was written.
    """
    if not uses:
        return
    names = {record.name for record in uses}
    known = dict(map(_kept, await connection.fetch(_SQL["known"], list(names))))
    book = _folded(uses, known)
    if book.archived:  # rarely, and a second time still more rarely
        known.update(map(_kept, await connection.fetch(_SQL["known"], book.archived)))
    values = _values(uses, book)
    added: Sequence[Row] = values[-1]
    ids = list({row[1] for row in added if row[1] is not None})
    await connection.execute(_SQL["lock_sessions"], ids, list({row[0] for row in added}))
    if await connection.fetchval(_SQL["write"], *values) is None:
        raise _OvertakenError


def _folded(uses: Sequence[UseRecord], known: Mapping[bytes, Kept]) -> Book:
    book = Book(known)
    for record in uses:
        book.add(record)
    return book


def _values(
    uses: Sequence[UseRecord], book: Book
) -> tuple[Sequence[str], Sequence[Row], Sequence[Row], Sequence[Row]]:
    """Return what `write_accounting` takes."""
    return sorted({record.access_point for record in uses}), *book.rows()


def _kept(row: asyncpg.Record) -> tuple[bytes, Kept]:
    closed_by, session_id = row["closed_by"], row["session_id"]
    account = Account(
        started_at=row["started_at"],
        told_at=row["told_at"],
        heard_at=row["heard_at"],
        total=Octets(row["upload_octets"], row["download_octets"]),
        before=Octets(row["upload_before"], row["download_before"]),
        duration=row["duration"],
        restarted_at=row["restarted_at"],
        session_id=None if session_id is None else UUID(int=session_id.int),
        ended_at=row["ended_at"],
        closed_by=None if closed_by is None else ClosedBy(closed_by),
        cause=row["cause"],
    )
    return bytes(row["name"]), Kept(account, row["written_in"])
