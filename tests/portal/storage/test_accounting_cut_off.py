"""Accounts whose writers are cut off again and again: whether it was written is never known.

Whoever is cut off writes the same once more, as the journal does; others end sessions meanwhile,
close accounts and let access points restart. In the end every octet stands there once.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
import pytest

from portal.domain.accounting import Octets, Use, UseStatus
from portal.domain.session import EndReason, Session
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.accounting import Restart, UseRecord
from portal.storage.accounting import PostgresAccounts
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions
from tests.portal.storage.test_accounting import SITE, counted, let_in

MINUTE = timedelta(minutes=1)
DEVICES, VISITS, STEPS, ACCESS_POINTS, WRITERS = 8, 24, 8, 3, 8

_CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'kvar'
ORDER BY random() LIMIT 2
"""


@pytest.mark.parametrize("seed", range(3))
async def test_who_is_cut_off_writes_again_and_it_counts_once(
    postgres_dsn: str, now: datetime, seed: int
) -> None:
    chance = random.Random(seed)
    async with Database(postgres_dsn, size=12, deadlines=Deadlines(30, 30)) as wide:
        sessions = [await let_in(wide, number, now) for number in range(DEVICES)]
        batches = _batches(chance, sessions, now)
        processes = [PostgresAccounts(wide) for _ in range(WRITERS // 2)]
        others = [
            asyncio.create_task(_cut_off(postgres_dsn, chance)),
            asyncio.create_task(_close(processes[0], now)),
        ]
        lanes = [
            _write(processes[number // 2], batches[number::WRITERS]) for number in range(WRITERS)
        ]
        cut_off = sum(await asyncio.gather(*lanes, _end(wide, sessions[:5], now)))
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    assert cut_off > 0, "it happened"
    async with Database(postgres_dsn) as database:
        each = (VISITS // DEVICES * STEPS * 10, VISITS // DEVICES * STEPS * 1000)
        assert {await counted(database, session) for session in sessions} == {each}
        rows = await database.fetch("SELECT upload_octets, download_octets FROM accounting_session")
        assert [tuple(row) for row in rows] == [(STEPS * 10, STEPS * 1000)] * VISITS


def _batches(
    chance: random.Random, sessions: Sequence[Session], now: datetime
) -> Sequence[Sequence[UseRecord | Restart]]:
    """Return each record one to three times, mixed, and here and there a restart of another."""
    records: list[UseRecord | Restart] = []
    for visit in range(VISITS):
        session = sessions[visit % DEVICES]
        for step in range(1, STEPS + 1):
            at = now + step * MINUTE
            octets = Octets(step * 10, step * 1000)
            use = Use(UseStatus.INTERIM, at, at, octets, at - now, session.id)
            name, access_point = visit.to_bytes(32, "big"), f"ap{visit % ACCESS_POINTS}"
            told = UseRecord(name, session.mac, use, access_point, SITE, b"hall")
            records += [told] * chance.choice((1, 2, 3))
    records += [Restart(f"ap{number % ACCESS_POINTS}", b"yard", b"", now) for number in range(9)]
    chance.shuffle(records)
    return [records[at : at + 7] for at in range(0, len(records), 7)]


async def _write(
    accounts: PostgresAccounts, batches: Sequence[Sequence[UseRecord | Restart]]
) -> int:
    """Write, and return how often it was not to be known."""
    cut_off = 0
    for batch in batches:
        while True:
            try:
                await accounts.write(batch)
                break
            except DatabaseUnavailableError:
                cut_off += 1
                await asyncio.sleep(0.01)
    return cut_off


async def _cut_off(dsn: str, chance: random.Random) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        while True:
            await asyncio.sleep(chance.random() / 30)
            await connection.execute(_CUT_OFF)
    finally:
        connection.terminate()


async def _close(accounts: PostgresAccounts, now: datetime) -> None:
    """Close what is silent: a change that no writer remembers."""
    silent_since = {f"ap{number}": now + 2 * MINUTE for number in range(ACCESS_POINTS)}
    while True:
        await asyncio.sleep(0.02)
        try:
            await accounts.close_silent(silent_since)
        except DatabaseUnavailableError:
            continue


async def _end(database: Database, sessions: Sequence[Session], now: datetime) -> int:
    for session in sessions:
        await asyncio.sleep(0.05)
        while True:
            try:
                ended_at = now + 20 * MINUTE
                await PostgresSessions(database).end(session.id, EndReason.LOGGED_OUT, ended_at)
                break
            except DatabaseUnavailableError:
                continue
    return 0
