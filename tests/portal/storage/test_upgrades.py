"""From the schema of every release before, with rows in it: migrated, and every row as it was."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest

from portal.storage.migrate import Migration, migrate, read_migrations

NOW = datetime.fromisoformat("2026-11-25T10:00:00+00:00")

SEEDS = {
    1: """
    INSERT INTO live_session (id, ground, subject, mac, site_id, started_at, ends_at, ends_because,
                              last_seen_at, trace_key, device_trace)
    VALUES (gen_random_uuid(), 'card', $2, '02:00:5e:00:00:01', 'main', $1, $1 + interval '5 h',
            'closing_time', $1, 'log-2026-w48', $2);
    INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason, extensions,
                              trace_key, device_trace)
    VALUES (gen_random_uuid(), 'card', 'main', $1 - interval '1 day', $1 - interval '20 h',
            'logged_out', 1, 'log-2026-w48', $2);
    INSERT INTO event (at, kind, site_id) VALUES ($1, 'session_started', 'main');
    INSERT INTO arrival (site_id, mac, number, first_seen_at, last_seen_at)
    VALUES ('main', '02:00:5e:00:00:02', 42, $1, $1);
    INSERT INTO sign_in_attempt (at, card, device, site_id, outcome)
    VALUES ($1, $2, $2, 'main', 'wrong_pin');
    INSERT INTO known_device (card, device, last_used_at) VALUES ($2, $2, $1);
    """,
    5: """
    INSERT INTO staff_account (id, name, roles, created_at)
    VALUES (gen_random_uuid(), 'kim', '{desk,it}', $1);
    INSERT INTO staff_recovery_code (account_id, hash) SELECT id, $2 FROM staff_account;
    """,
    12: """
    INSERT INTO audit (at, by, act, reason, case_number, about, found)
    VALUES ($1, 'kim', 'look_up', 'because', '42', 'somebody', 1);
    """,
}
"""What stood there once a release had this migration, by its own statements of that time."""


@pytest.fixture(scope="module")
def releases() -> list[Migration]:
    return read_migrations()


@pytest.fixture
async def empty(postgres_cluster: str) -> AsyncIterator[str]:
    connection = await asyncpg.connect(postgres_cluster)
    await connection.execute("CREATE DATABASE upgraded")
    yield postgres_cluster.replace("/postgres?", "/upgraded?")
    await connection.execute("DROP DATABASE upgraded WITH (FORCE)")
    await connection.close()


async def seed(connection: asyncpg.Connection, upto: int) -> None:
    literal = f"'{NOW.isoformat()}'::timestamptz"
    for version, statements in SEEDS.items():
        if version <= upto:
            filled = statements.replace("$1", literal).replace("$2", "sha256('x')")
            await connection.execute(filled)


async def columns(connection: asyncpg.Connection) -> dict[str, list[str]]:
    """Tables with rows in them, and their columns."""
    rows = await connection.fetch(
        """SELECT c.oid::regclass::text AS name,
                  array_agg(quote_ident(attname) ORDER BY attnum) AS names
             FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
              AND NOT relispartition AND attnum > 0 AND NOT attisdropped GROUP BY 1"""
    )
    return {row["name"]: row["names"] for row in rows if row["name"] != "schema_migration"}


_READ = "SELECT {columns} FROM {table} ORDER BY ROW({columns})::text"


async def read(
    connection: asyncpg.Connection, tables: dict[str, list[str]]
) -> dict[str, list[tuple[object, ...]]]:
    found = {
        name: await connection.fetch(_READ.format(columns=", ".join(names), table=name))
        for name, names in tables.items()
    }
    return {name: [tuple(row) for row in rows] for name, rows in found.items() if rows}


@pytest.mark.parametrize("count", range(1, len(read_migrations())))
async def test_rows_outlive_every_migration(
    empty: str, releases: list[Migration], count: int
) -> None:
    """Each number of migrations that a release may have had is a start."""
    before_it, newest = releases[:count], releases[count - 1].version
    await migrate(empty, NOW, before_it)
    connection = await asyncpg.connect(empty)
    await seed(connection, newest)
    tables = await columns(connection)
    before = await read(connection, tables)
    await connection.close()
    done = await migrate(empty, NOW + timedelta(days=1))
    assert len(done) == len(releases) - count
    connection = await asyncpg.connect(empty)
    after = await read(connection, {name: tables[name] for name in before})
    await connection.close()
    assert len(before) >= 6
    assert after == before


async def test_migrating_waits_for_nobody_who_reads(empty: str, releases: list[Migration]) -> None:
    """A page that is being answered meanwhile holds up no migration for longer than itself."""
    await migrate(empty, NOW, releases[:-1])
    reader = await asyncpg.connect(empty)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM live_session")
        migrating = asyncio.ensure_future(migrate(empty, NOW))
        await asyncio.sleep(0.1)
    assert await migrating == [releases[-1].name]
    await reader.close()
