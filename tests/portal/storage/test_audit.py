"""The record of look-ups in PostgreSQL: only added to, and linked whoever writes."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from portal.domain.audit_chain import (
    BEFORE_ALL,
    KEPT,
    Act,
    Broken,
    Deed,
    Fault,
    Reason,
    Whole,
    examine,
    hash_of,
)
from portal.storage.audit import PostgresAudit
from portal.storage.database import Database


def deed(now: datetime, case: str = "2026-1") -> Deed:
    about = 'session 1 guest P-19C28E07 åäö \\ " \n'
    return Deed(now, "kim", Act.COMPARE, Reason.ABUSE, case, about, 1)


async def examined(record: PostgresAudit) -> Broken | Whole:
    return examine([row async for row in record.all()])


async def test_the_database_computes_the_hashes_that_we_do(
    database: Database, now: datetime
) -> None:
    record = PostgresAudit(database)
    first = await record.write(deed(now + timedelta(microseconds=123457)))
    second = await record.write(deed(now))
    assert (first.number, first.previous, first.hash) == (1, BEFORE_ALL, hash_of(first))
    assert (second.number, second.previous, second.hash) == (2, first.hash, hash_of(second))
    assert first.about == deed(now).about
    assert await examined(record) == Whole(2, 2, second.hash, first)


async def test_writers_at_once_make_one_chain(postgres_dsn: str, now: datetime) -> None:
    async with Database(postgres_dsn, size=8) as database:
        record = PostgresAudit(database)
        await asyncio.gather(*(record.write(deed(now, str(number))) for number in range(60)))
        whole = await examined(record)
        assert isinstance(whole, Whole)
        assert whole.rows == 60


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET by = 'robin'",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ],
)
async def test_nothing_is_changed(database: Database, now: datetime, statement: str) -> None:
    await PostgresAudit(database).write(deed(now))
    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        await database.fetch(statement)


async def test_what_an_insert_says_of_its_place_does_not_count(
    database: Database, now: datetime
) -> None:
    record = PostgresAudit(database)
    await record.write(deed(now))
    await database.fetch(
        "INSERT INTO audit SELECT 99, at, by, act, reason, case_number, about, found,"
        " previous, hash FROM audit"
    )
    assert isinstance(await examined(record), Whole)


async def test_who_goes_round_the_triggers_is_found(database: Database, now: datetime) -> None:
    record = PostgresAudit(database)
    for number in range(5):
        await record.write(deed(now, str(number)))
    await database.fetch("ALTER TABLE audit DISABLE TRIGGER ALL")
    await database.fetch("UPDATE audit SET case_number = 'x' WHERE number = 3")
    assert await examined(record) == Broken(3, Fault.CHANGED)
    await database.fetch("DELETE FROM audit WHERE number = 3")
    assert await examined(record) == Broken(4, Fault.UNLINKED)


async def test_rows_that_are_due_go_and_the_rest_is_a_chain(
    database: Database, now: datetime
) -> None:
    record, begin = PostgresAudit(database), datetime.now(UTC) - KEPT - timedelta(days=100)
    for days in range(5):
        await record.write(deed(begin + timedelta(days=days)))
    gone = await database.fetch("SELECT forget_audit($1) AS n", begin + timedelta(days=2, hours=1))
    assert gone[0]["n"] == 3
    last, first = await record.page(None, 2)
    assert await examined(record) == Whole(2, 5, last.hash, first)
    # The newest stays, however old: the chain goes on from it.
    await database.fetch("SELECT forget_audit($1)", begin + timedelta(days=99))
    assert [row.number for row in await record.page(None, 9)] == [5]
    assert (await record.write(deed(now))).number == 6
    assert isinstance(await examined(record), Whole)


async def test_the_beginning_is_not_cut_off_before_it_is_due(database: Database) -> None:
    record, now = PostgresAudit(database), datetime.now(UTC)
    for days in (728, 727, 0):
        await record.write(deed(now - timedelta(days=days)))
    # whatever is asked for, and whatever a wrong clock says: nothing younger goes, nothing fails
    await database.fetch("SELECT forget_audit($1)", now + timedelta(days=9999))
    with pytest.raises(asyncpg.RaiseError, match="when they are due"):
        await database.fetch(
            "WITH due AS MATERIALIZED ("
            "    SELECT set_config('kvar.audit_due_before', now()::text, true))"
            " DELETE FROM audit USING due WHERE number = 1 AND due IS NOT NULL"
        )
    assert [row.number for row in await record.page(None, 9)] == [3, 2, 1]
    await database.fetch("SELECT forget_audit($1)", now - KEPT)  # as each night


async def test_pages_go_back_from_the_newest(database: Database, now: datetime) -> None:
    record = PostgresAudit(database)
    for number in range(5):
        await record.write(deed(now, str(number)))
    assert [row.number for row in await record.page(None, 2)] == [5, 4]
    assert [row.number for row in await record.page(4, 9)] == [3, 2, 1]
