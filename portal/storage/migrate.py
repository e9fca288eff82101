"""Bring the schema up to date: forward only, each file once, in one transaction a file.

Not a way back: a release works on the schema of the next one, so rolling back means running the
older program. What would break it waits a release, and says whom it breaks (``-- contract: needs
0031`` in the file: only programs that know migration 31 may run on it). The rules to keep: a file
that was applied anywhere is never changed again; a program refuses only a schema that refuses it.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources

import asyncpg

from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import CONNECT_ERRORS, connect, is_unavailable

MIGRATION_LOCK = 0x6B766172
"""Advisory lock ("kvar" in ASCII): two processes that start together migrate once."""

WEEKS_AHEAD = 5
"""Partitions are made for so many weeks; the keeper makes more every day."""

_CONNECT_S = 10.0
_STATEMENT_S = 600.0
_CONTRACT = re.compile(r"^-- contract: needs (\d{4})$", re.MULTILINE)
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migration (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL
);
-- The migration that a program has to know to run on this one's schema.
ALTER TABLE schema_migration ADD COLUMN IF NOT EXISTS needs integer NOT NULL DEFAULT 0
"""


class MigrationError(Exception):
    """The schema does not fit this program: a changed file, or one from a newer release."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name and its text."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def needs(self) -> int:
        """The migration that programs have to know to run on this schema; 0: any release does."""
        contract = _CONTRACT.search(self.sql)
        return int(contract[1]) if contract else 0


def read_migrations() -> list[Migration]:
    """Return the package's migrations in order.

    Raises:
        MigrationError: a number stands twice. One may be missing: two releases may have been made
            side by side, and a file that comes later is applied then.
    """
    directory = resources.files("portal.storage").joinpath("migrations")
    found = [
        Migration(int(match[1]), file.name, file.read_text("utf-8"))
        for file in directory.iterdir()
        if (match := _FILE_NAME.fullmatch(file.name))
    ]
    found.sort(key=lambda migration: migration.version)
    if len({migration.version for migration in found}) < len(found):
        raise MigrationError("two migrations have the same number")
    return found


async def migrate(dsn: str, now: datetime, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing; return the names of the files applied.

    Raises:
        MigrationError: the database holds something else than these files.
        DatabaseUnavailableError: it cannot be reached, or went away; nothing half is left.
    """
    try:
        connection = await connect(dsn, _CONNECT_S, _STATEMENT_S, "kvar-migrate")
    except CONNECT_ERRORS as error:
        raise DatabaseUnavailableError(f"cannot connect: {error}") from error
    try:
        return await _migrate(connection, now, migrations or read_migrations())
    except CONNECT_ERRORS as error:
        if is_unavailable(error, connection):
            raise DatabaseUnavailableError(str(error)) from error
        raise
    finally:
        connection.terminate()


async def _migrate(
    connection: asyncpg.Connection, now: datetime, migrations: list[Migration]
) -> list[str]:
    await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
    await connection.execute(_TABLE)
    known = await connection.fetch("SELECT version, checksum, needs FROM schema_migration")
    _check(known, migrations)
    applied = {row["version"] for row in known}
    missing = [migration for migration in migrations if migration.version not in applied]
    for migration in missing:
        await _apply(connection, migration, now)
    await make_weeks(connection, now)
    return [migration.name for migration in missing]


def _check(known: list[asyncpg.Record], migrations: list[Migration]) -> None:
    ours = {migration.version: migration for migration in migrations}
    newest = max(ours, default=0)
    for row in sorted(known, key=lambda row: int(row["version"])):
        migration = ours.get(row["version"])
        if migration is None and row["needs"] > newest:
            raise MigrationError(
                f"the database has migration {row['version']}, which only programs that know "
                f"migration {row['needs']} can work with: run the newer release"
            )
        if migration is not None and migration.checksum != row["checksum"]:
            raise MigrationError(f"{migration.name} was changed after it was applied")


async def _apply(connection: asyncpg.Connection, migration: Migration, now: datetime) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migration VALUES ($1, $2, $3, $4, $5)",
            migration.version,
            migration.name,
            migration.checksum,
            now,
            migration.needs,
        )


async def make_weeks(connection: asyncpg.Connection, now: datetime) -> None:
    """Create the weekly partitions from last week on."""
    await connection.execute("SELECT make_weeks($1, $2)", now - timedelta(days=7), WEEKS_AHEAD + 2)
