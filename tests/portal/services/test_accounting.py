"""Accounting while the database comes and goes: taken once and counted once, or not taken."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.accounting import Octets, Use, UseStatus
from portal.domain.identity import MacAddress, SiteId
from portal.services.accounting import Accounting
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.accounting import JournalError, UseRecord
from portal.storage.accounting import PostgresAccounts
from portal.storage.accounting_journal import DiskJournal
from portal.storage.database import Database, Deadlines
from tests.portal.storage.outage import Outage

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BRIEF = Deadlines(connect_s=0.2, statement_s=1.0)


def told(minutes: int, octets: int, number: int = 1) -> UseRecord:
    at = NOON + timedelta(minutes=minutes)
    use = Use(UseStatus.INTERIM, at, at, Octets(octets, octets), timedelta(minutes=minutes))
    mac = MacAddress("02:00:5e:00:00:2a")
    return UseRecord(number.to_bytes(32, "big"), mac, use, "ap", SiteId("village"), b"ap")


@pytest.fixture
async def brief(postgres_dsn: str) -> AsyncIterator[Database]:
    async with Database(postgres_dsn, deadlines=BRIEF) as opened:
        yield opened


async def total(database: Database) -> list[int]:
    rows = await database.fetch("SELECT upload_octets FROM accounting_session ORDER BY name")
    return [row[0] for row in rows]


async def test_what_comes_in_an_outage_is_written_once_afterwards(
    brief: Database, postgres_dsn: str, tmp_path: Path
) -> None:
    journal, outage = DiskJournal(tmp_path), Outage(postgres_dsn)
    accounting = Accounting(PostgresAccounts(brief), journal)
    await accounting.write([told(5, 100)])
    await outage.begin()
    await accounting.write([told(10, 200), told(10, 7, number=2)])
    await accounting.write([told(15, 300)])
    with pytest.raises(DatabaseUnavailableError):
        await accounting.drain()
    assert len(await journal.waiting()) == 2
    await outage.end()
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(accounting.keep_written())
        while await journal.waiting():
            await asyncio.sleep(0.02)
        keeping.cancel()
    assert await accounting.drain() == 0
    await accounting.write([told(20, 400), told(15, 300)])
    assert await total(brief) == [400, 7]
    assert await journal.waiting() == []


async def test_a_batch_that_was_written_and_not_removed_counts_once(
    brief: Database, tmp_path: Path
) -> None:
    journal = DiskJournal(tmp_path)
    await journal.keep([told(5, 100)])
    await PostgresAccounts(brief).write([told(5, 100)])
    assert await Accounting(PostgresAccounts(brief), journal).drain() == 1
    assert await total(brief) == [100]


async def test_who_cannot_be_told_the_truth_is_told_nothing(
    brief: Database, postgres_dsn: str, tmp_path: Path
) -> None:
    (tmp_path / "full").write_text("")
    outage = Outage(postgres_dsn)
    accounting = Accounting(PostgresAccounts(brief), DiskJournal(tmp_path / "full"))
    await outage.begin()
    with pytest.raises(JournalError):
        await accounting.write([told(5, 100)])
    await outage.end()


async def test_what_the_database_refuses_holds_up_nothing_and_stays(
    brief: Database, tmp_path: Path
) -> None:
    journal = DiskJournal(tmp_path)
    broken = told(5, 9, number=2)._replace(access_point="ap\0")  # no text of PostgreSQL's
    await journal.keep([told(5, 100), broken])
    [refused] = await journal.waiting()
    await journal.keep([told(5, 7, number=3)])
    accounting = Accounting(PostgresAccounts(brief), journal)
    assert await accounting.drain() == 2
    assert await total(brief) == [100, 7]
    assert await journal.waiting() == [refused]
    assert await accounting.drain() == 0, "until the next start"
    assert await journal.read(refused) == [broken], "whoever was written is on disk no longer"
    assert len(list(tmp_path.iterdir())) == 1  # noqa: ASYNC240
    assert await Accounting(PostgresAccounts(brief), journal).drain() == 0
    assert await total(brief) == [100, 7]
