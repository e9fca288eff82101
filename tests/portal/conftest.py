"""A real PostgreSQL for the tests: one private cluster, a fresh database for each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import count

import asyncpg
import pytest

from portal.storage.database import Database
from portal.storage.embedded import EmbeddedPostgres
from portal.storage.migrate import migrate
from tests.portal.storage.clusters import FORGETFUL, put_cluster, reachable_directory

_numbers = count(1)

EXPANSION = """
DO $$
DECLARE
    _table regclass;
BEGIN
    FOR _table IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
                     AND relkind IN ('r', 'p') AND NOT relispartition
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN of_the_next_release text', _table);
    END LOOP;
END $$;
CREATE TABLE made_by_the_next_release (id bigint PRIMARY KEY)
"""
"""What the next release may do to the schema while this one still runs: a column to every table."""


@pytest.fixture
def now() -> datetime:
    """A Wednesday, 11:00 in Stockholm."""
    return datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_cluster(pytestconfig: pytest.Config) -> Iterator[str]:
    """DSN of the template database on a private cluster; no flushing, for speed only."""
    with reachable_directory() as directory, asyncio.Runner() as runner:
        put_cluster(directory)
        cluster = EmbeddedPostgres(directory, settings=FORGETFUL)
        runner.run(cluster.start())
        try:
            template = _database(cluster.dsn, "template_kvar")
            runner.run(_run(cluster.dsn, "CREATE DATABASE template_kvar"))
            runner.run(migrate(template, datetime(2026, 11, 25, tzinfo=UTC)))
            if pytestconfig.getoption("--next-schema"):
                runner.run(_run(template, EXPANSION))
            yield cluster.dsn
        finally:
            runner.run(cluster.stop())


@pytest.fixture
async def postgres_dsn(postgres_cluster: str) -> AsyncIterator[str]:
    """A database of the test's own, migrated and empty."""
    name = f"test_{next(_numbers)}"
    await _run(
        postgres_cluster, f"CREATE DATABASE {name} TEMPLATE template_kvar STRATEGY file_copy"
    )
    yield _database(postgres_cluster, name)
    await _run(postgres_cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    """The portal's own door to that database."""
    async with Database(postgres_dsn) as opened:
        yield opened


def _database(dsn: str, name: str) -> str:
    return dsn.replace("/postgres?", f"/{name}?")


async def _run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
