"""The database's door: what is a broken neighbour, what is our own fault, and coming back."""

import asyncio
import os
import signal
from datetime import UTC, datetime

import asyncpg
import pytest

from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import PART_ROWS, Database, Deadlines
from tests.portal.storage.clusters import is_running

QUICK = Deadlines(connect_s=0.3, statement_s=0.3)


async def test_nobody_listens() -> None:
    async with Database("postgresql://kvar@/postgres?host=/nonexistent", deadlines=QUICK) as away:
        for _ in range(10):
            with pytest.raises(DatabaseUnavailableError):
                await away.fetch("SELECT 1")


async def test_our_own_faults_are_not_excused(database: Database) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await database.fetch("SELEKT 1")
    with pytest.raises(asyncpg.InterfaceError, match="expects 0 arguments"):
        await database.fetch("SELECT 1", 2)
    with pytest.raises(asyncpg.UndefinedTableError):
        await database.fetch("SELECT * FROM nowhere")
    assert len(await database.fetch("SELECT 1")) == 1
    assert await database.fetch_row("SELECT 1 WHERE false") is None


async def test_a_statement_that_hangs_is_given_up(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, size=1, deadlines=QUICK) as impatient:
        for _ in range(3):
            with pytest.raises(DatabaseUnavailableError):
                await impatient.fetch("SELECT pg_sleep(10)")
        assert len(await impatient.fetch("SELECT 1")) == 1


async def test_a_kept_plan_is_used_from_the_first_time_on(postgres_dsn: str) -> None:
    kept = "SELECT count(*) FROM event WHERE at > $1"
    async with Database(postgres_dsn, size=1) as database:
        for _ in range(3):
            await database.fetch_by_kept_plan(kept, datetime(2026, 11, 26, tzinfo=UTC))
        used = await database.fetch_row(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1",
            kept,
        )
        assert used is not None
        assert tuple(used) == (3, 0)
        mode = await database.fetch_row("SHOW plan_cache_mode")
        assert mode is not None
        assert mode["plan_cache_mode"] == "auto"


async def test_all_connections_in_use(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, size=2, deadlines=QUICK) as small:
        async with small.connection(), small.connection():
            with pytest.raises(DatabaseUnavailableError, match="in use"):
                await small.fetch("SELECT 1")
        assert len(await small.fetch("SELECT 1")) == 1


async def test_a_terminated_idle_backend_is_not_used_again(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, size=1) as one, Database(postgres_dsn, size=1) as other:
        for _ in range(20):
            row = await one.fetch_row("SELECT pg_backend_pid() AS pid")
            assert row is not None
            await other.fetch("SELECT pg_terminate_backend($1, 5000)", row["pid"])


async def test_a_backend_that_ended_unseen_is_not_used_again(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, size=1) as one:
        for _ in range(5):
            row = await one.fetch_row("SELECT pg_backend_pid() AS pid")
            assert row is not None
            _terminate(row["pid"])
            assert len(await one.fetch("SELECT 1")) == 1


def _terminate(pid: int) -> None:
    """End a backend while the event loop stands still, so that it cannot notice."""
    os.kill(pid, signal.SIGTERM)
    while is_running(pid):
        os.sched_yield()


async def test_terminated_in_the_middle(database: Database) -> None:
    async def sleep() -> None:
        while True:
            await database.fetch("SELECT pg_sleep(1.2)")

    sleeping = asyncio.create_task(sleep())
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database()"
    )
    while not await database.fetch(terminate):
        await asyncio.sleep(0.01)
    with pytest.raises(DatabaseUnavailableError):
        await sleeping
    assert len(await database.fetch("SELECT 1")) == 1


async def test_a_cancelled_caller_costs_no_slot(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, size=1) as single:
        for _ in range(5):
            task = asyncio.create_task(single.fetch("SELECT pg_sleep(1)"))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert len(await single.fetch("SELECT 1")) == 1


async def test_a_standby_is_no_database_to_write_to(database: Database) -> None:
    async def write_on_a_standby() -> None:
        async with database.connection() as connection:
            await connection.execute("SET default_transaction_read_only = on")
            await connection.execute("CREATE TABLE x (id int)")

    with pytest.raises(DatabaseUnavailableError):
        await write_on_a_standby()
    await database.fetch("CREATE TABLE x (id int)")


async def test_what_is_read_in_parts_is_whole_and_lets_others_have_their_turn(
    postgres_dsn: str,
) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with Database(postgres_dsn) as database:
        waiting = asyncio.create_task(other())
        rows = await database.fetch_in_parts("SELECT generate_series(1, $1::int)", 3 * PART_ROWS)
        waiting.cancel()
        assert [row[0] for row in rows] == list(range(1, 3 * PART_ROWS + 1))
        assert turns > 3
        assert await database.fetch_in_parts("SELECT 1 WHERE false") == []


async def test_reading_in_parts_fails_like_any_reading(postgres_dsn: str) -> None:
    impatient = Deadlines(statement_s=0.1)
    async with Database(postgres_dsn, deadlines=impatient) as database:
        with pytest.raises(DatabaseUnavailableError):
            await database.fetch_in_parts("SELECT pg_sleep(10)")
