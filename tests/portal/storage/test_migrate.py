"""Migrations: once each, together or apart, and never a changed file."""

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import Database
from portal.storage.migrate import Migration, MigrationError, migrate, read_migrations

NEXT = Migration(read_migrations()[-1].version + 1, "next.sql", "CREATE TABLE more (id int)")


async def test_a_second_run_changes_nothing(postgres_dsn: str, now: datetime) -> None:
    assert await migrate(postgres_dsn, now) == []


async def test_two_that_start_together_migrate_once(postgres_dsn: str, now: datetime) -> None:
    more = [*read_migrations(), NEXT]
    done = await asyncio.gather(*(migrate(postgres_dsn, now, more) for _ in range(4)))
    assert sorted(done) == [[], [], [], ["next.sql"]]


async def test_a_file_that_comes_later_than_its_successor_is_applied(
    postgres_dsn: str, database: Database, now: datetime
) -> None:
    last = replace(NEXT, version=NEXT.version + 1, name="last.sql", sql="CREATE TABLE last ()")
    assert await migrate(postgres_dsn, now, [*read_migrations(), last]) == ["last.sql"]
    assert await migrate(postgres_dsn, now, [*read_migrations(), NEXT, last]) == ["next.sql"]
    rows = await database.fetch("SELECT version FROM schema_migration ORDER BY 1 DESC LIMIT 2")
    assert [row["version"] for row in rows] == [last.version, NEXT.version]


async def test_a_changed_file_is_refused(postgres_dsn: str, now: datetime) -> None:
    first, *_ = read_migrations()
    with pytest.raises(MigrationError, match="changed after it was applied"):
        await migrate(postgres_dsn, now, [replace(first, sql=first.sql + " ")])


async def test_a_newer_database_is_worked_with(postgres_dsn: str, now: datetime) -> None:
    """After a roll-back the older program runs on the next release's schema."""
    await migrate(postgres_dsn, now, [*read_migrations(), NEXT])
    assert await migrate(postgres_dsn, now) == []


async def test_a_newer_database_that_refuses_us_is_refused(
    postgres_dsn: str, now: datetime
) -> None:
    contract = replace(NEXT, sql=f"-- Why.\n-- contract: needs {NEXT.version:04}\nSELECT 1")
    await migrate(postgres_dsn, now, [*read_migrations(), contract])
    with pytest.raises(MigrationError, match="run the newer release"):
        await migrate(postgres_dsn, now)
    assert await migrate(postgres_dsn, now, [*read_migrations(), contract]) == []


async def test_a_release_that_knows_what_is_needed_may_be_older(
    postgres_dsn: str, now: datetime
) -> None:
    newest = read_migrations()[-1].version
    contract = replace(NEXT, sql=f"-- contract: needs {newest:04}\nSELECT 1")
    await migrate(postgres_dsn, now, [*read_migrations(), contract])
    assert await migrate(postgres_dsn, now) == []


def test_what_breaks_older_programs_says_so() -> None:
    """What takes something away from a program that runs; no release had less than 0022."""
    breaking = re.compile(
        r"\bDROP (TABLE|COLUMN|FUNCTION (?!IF EXISTS))|\bRENAME\b|\bALTER COLUMN \w+ TYPE\b|"
        r"\bSET NOT NULL\b",
        re.IGNORECASE,
    )
    silent = [
        migration.name
        for migration in read_migrations()
        if migration.version > 22 and breaking.search(migration.sql) and not migration.needs
    ]
    assert silent == [], "-- contract: needs NNNN, and a release later than what it breaks"


async def test_a_failing_file_leaves_nothing(
    postgres_dsn: str, database: Database, now: datetime
) -> None:
    bad = replace(NEXT, sql="CREATE TABLE half (id int); SELECT 1/0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(postgres_dsn, now, [*read_migrations(), bad])
    row = await database.fetch_row("SELECT to_regclass('half') AS half")
    assert row is not None
    assert row["half"] is None
    assert await migrate(postgres_dsn, now) == []


async def test_an_unreachable_database_is_said_so(now: datetime) -> None:
    with pytest.raises(DatabaseUnavailableError, match="cannot connect"):
        await migrate("postgresql://kvar@/postgres?host=/nonexistent", now)


async def test_weeks_are_made_ahead_and_a_missed_week_still_takes_rows(
    database: Database, now: datetime
) -> None:
    insert = "INSERT INTO event (at, kind, site_id) VALUES ($1, 'test', 'main')"
    late = now + timedelta(weeks=20)
    await database.fetch(insert, now)
    await database.fetch(insert, late)
    await database.fetch("SELECT make_weeks($1, 3)", late - timedelta(days=7))
    rows = await database.fetch("SELECT tableoid::regclass::text AS part FROM event ORDER BY at")
    assert [row["part"] for row in rows] == ["event_2026w48", "event_default"]
    made = await database.fetch(
        "SELECT relname FROM pg_class WHERE relname LIKE 'event_2027w1%' AND relkind = 'r'"
    )
    assert {row["relname"] for row in made} == {"event_2027w14", "event_2027w16"}


@pytest.mark.parametrize(
    "sql", ["UPDATE event SET kind = 'x'", "DELETE FROM event", "TRUNCATE event"]
)
async def test_events_are_never_changed(database: Database, now: datetime, sql: str) -> None:
    await database.fetch("INSERT INTO event (at, kind, site_id) VALUES ($1, 'test', 'main')", now)
    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        await database.fetch(sql)
