"""Accounts of visits to access points in PostgreSQL (implements services.ports.accounting).

Not the rules (portal/domain/accounting.py). The rule to keep: an access point's accounts are read
and written under its own lock, and then the sessions they belong to are locked in the order of
their ids; so what two processes write at once is counted once, and none waits for ever.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from portal.domain.accounting import Account, ClosedBy, Octets, close_by_reboot, follow
from portal.domain.identity import MacAddress, SiteId
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.accounting import QuietSession, Restart, UseRecord
from portal.storage.database import Database
from portal.storage.sessions import session_of
from portal.storage.statements import load_statements

_SQL = load_statements("accounting")

RETRIES = 3
"""For a batch that lost in a deadlock against a change of many sessions at once."""

BATCH_S = 3.0
"""A batch takes milliseconds; access points repeat what was not acknowledged after 2 s or more."""

_BEGIN = "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
"""All is found by keys. Asked for five hundred at once, the planner would rather read a whole table
that fits into its idea of small: some 20 ms a batch in the middle of the day. And planning anew for
the batch at hand, as it likes to with arrays, takes as long as six records."""

MOST_OCTETS = 2**62
"""No device sends that in a century, and half of what a column can hold."""


class PostgresAccounts:
    """Accounts of the whole organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, records: Sequence[UseRecord | Restart]) -> None:
        """See services.ports.accounting.Accounts."""
        for _ in range(RETRIES):
            try:
                return await self._write(records)
            except DatabaseUnavailableError as error:
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    raise
        raise DatabaseUnavailableError("deadlocks")

    async def _write(self, records: Sequence[UseRecord | Restart]) -> None:
        names = {record.name for record in records if isinstance(record, UseRecord)}
        access_points = {record.access_point for record in records}
        async with self._locked(access_points, names) as (connection, rows):
            book = _Book({bytes(row["name"]): (_radio_of(row), _account_of(row)) for row in rows})
            for record in records:
                book.add(record)
                if isinstance(record, Restart):
                    told = (record.access_point, record.nas, record.bss, record.at)
                    await connection.execute(_SQL["restart"], *told)
            if book.counted:
                await _write_book(connection, book)

    async def close_silent(self, silent_since: Mapping[str, datetime]) -> int:
        """See services.ports.accounting.Accounts."""
        columns = (list(silent_since), list(silent_since.values()))
        async with self._locked(silent_since) as (connection, _):
            return int(await connection.fetchval(_SQL["close_silent"], *columns))

    @asynccontextmanager
    async def _locked(
        self, access_points: Iterable[str], names: Iterable[bytes] = ()
    ) -> AsyncIterator[tuple[asyncpg.Connection, Sequence[asyncpg.Record]]]:
        """Hold these access points' locks for one transaction, and the accounts of these names.

        One that fails is ended by its connection's end: a server that hangs answers no ROLLBACK.
        """
        async with self._database.connection() as connection:
            try:
                async with asyncio.timeout(BATCH_S):
                    await connection.execute(_BEGIN)
                    wanted = (sorted(access_points), list(names))
                    yield connection, await connection.fetch(_SQL["open"], *wanted)
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


async def _write_book(connection: asyncpg.Connection, book: "_Book") -> None:
    ended = await connection.fetch(_SQL["write"], book.rows(), book.counted)
    if ended:
        await connection.execute(_SQL["write_ended"], *zip(*ended, strict=True))


class _Radio(NamedTuple):
    """Where an account is kept."""

    access_point: str
    nas: bytes
    bss: bytes
    site_id: str

    def has_restarted(self, restart: Restart) -> bool:
        """Say whether that was this radio, or all of its access point."""
        is_here = (self.access_point, self.nas) == (restart.access_point, restart.nas)
        return is_here and restart.bss in {self.bss, b""}


@dataclass(slots=True)
class _Book:
    """The accounts that one batch names, and what its records add to sessions.

    All are written at its end, over what a restart did to them in the table meanwhile: here each
    record found the account as it was when its turn came.
    """

    accounts: dict[bytes, tuple[_Radio, Account]]
    counted: list[tuple[MacAddress, UUID | None, int, int, datetime]] = field(default_factory=list)

    def add(self, record: UseRecord | Restart) -> None:
        if isinstance(record, Restart):
            self._restart(record)
        else:
            self._use(record)

    def _restart(self, restart: Restart) -> None:
        for name, (radio, account) in self.accounts.items():
            is_open = account.ended_at is None and account.started_at < restart.at
            if is_open and radio.has_restarted(restart):
                self.accounts[name] = (radio, close_by_reboot(account, restart.at))

    def _use(self, record: UseRecord) -> None:
        known = self.accounts.get(record.name)
        after = follow(known[1] if known else None, record.use)
        radio = _Radio(record.access_point, record.nas, record.bss, record.site_id)
        self.accounts[record.name] = (radio, after.account)
        if after.earlier is not None:
            self.accounts[_archived(record.name, after.earlier)] = (radio, after.earlier)
        added = after.added if record.counts_bytes else Octets()
        seen_at = min(record.use.happened_at, record.use.arrived_at)
        session_id = after.account.session_id
        up, down = map(_bounded, added)
        self.counted.append((record.mac, session_id, up, down, seen_at))

    def rows(self) -> Sequence[tuple[object, ...]]:
        return [_row_of(name, *entry) for name, entry in self.accounts.items()]


def _archived(name: bytes, account: Account) -> bytes:
    """Return the name under which an account is kept whose number stands for another one now."""
    return hashlib.sha256(name + account.started_at.isoformat().encode()).digest()


def _row_of(name: bytes, radio: _Radio, account: Account) -> tuple[object, ...]:
    octets = map(_bounded, (*account.total, *account.before))
    return (
        *(name, *radio, account.session_id),
        *(account.started_at, account.told_at, account.heard_at, *octets, account.duration),
        *(account.restarted_at, account.ended_at, account.closed_by, account.cause),
    )


def _bounded(octets: int) -> int:
    return min(octets, MOST_OCTETS)


def _radio_of(row: asyncpg.Record) -> _Radio:
    return _Radio(row["access_point"], bytes(row["nas"]), bytes(row["bss"]), row["site_id"])


def _account_of(row: asyncpg.Record) -> Account:
    closed_by, session_id = row["closed_by"], row["session_id"]
    return Account(
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
