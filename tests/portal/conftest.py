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


class Cluster:
    """One PostgreSQL for all tests of a process, asked over one connection that is kept."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(asyncpg.connect(dsn))

    def run(self, sql: str) -> None:
        self._runner.run(self._connection.execute(sql))

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """A private cluster with the template of all databases; no flushing, for speed only."""
    with reachable_directory() as directory, asyncio.Runner() as runner:
        put_cluster(directory)
        server = EmbeddedPostgres(directory, settings=FORGETFUL)
        runner.run(server.start())
        try:
            made = Cluster(server.dsn)
            made.run("CREATE DATABASE template_kvar")
            template = _database(server.dsn, "template_kvar")
            runner.run(migrate(template, datetime(2026, 11, 25, tzinfo=UTC)))
            if pytestconfig.getoption("--next-schema"):
                runner.run(_expand(template))
            yield made
            made.close()
        finally:
            runner.run(server.stop())


@pytest.fixture(scope="session")
def postgres_cluster(cluster: Cluster) -> str:
    """DSN of that cluster's own database."""
    return cluster.dsn


@pytest.fixture
def postgres_dsn(cluster: Cluster) -> Iterator[str]:
    """A database of the test's own, migrated and empty."""
    name = f"test_{next(_numbers)}"
    cluster.run(f"CREATE DATABASE {name} TEMPLATE template_kvar STRATEGY file_copy")
    yield _database(cluster.dsn, name)
    cluster.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    """The portal's own door to that database."""
    async with Database(postgres_dsn) as opened:
        yield opened


def _database(dsn: str, name: str) -> str:
    return dsn.replace("/postgres?", f"/{name}?")


async def _expand(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(EXPANSION)
    finally:
        await connection.close()
