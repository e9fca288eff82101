"""Composes what needs the database's address: where it is, and the schema's migration."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import structlog

from portal import settings
from portal.clock import utc_now
from portal.composition.start import StartError
from portal.config import Config
from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import Database
from portal.storage.migrate import MigrationError, migrate
from portal.storage.privacy import PostgresPrivacy

_log = structlog.get_logger()


def key_directory(config: Config) -> Path:
    """Return where the keys stand: outside the database and its dumps."""
    return config.organisation.data_directory / "keys"


def spool_directory(config: Config) -> Path:
    """Return where records wait for the database: written and read by the portal's user alone."""
    return config.organisation.data_directory / "spool"


def journal_directory(config: Config) -> Path:
    """Return where accounting records wait for the database: the portal's user's alone."""
    return config.organisation.data_directory / "accounting"


def address_file(config: Config) -> Path:
    """Return where ``kvar run`` writes the private PostgreSQL's address."""
    return config.organisation.data_directory / "database-address"


def dsn(config: Config) -> str:
    """Return the database's address: the configured one, or the running private PostgreSQL's.

    Raises:
        StartError: none is configured and no private one has been started.
    """
    configured = config.database.dsn.get_secret_value()
    if configured:
        return configured
    try:
        return address_file(config).read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise StartError("no [database] dsn, and no private one yet: start kvar run") from problem


@asynccontextmanager
async def looked_at(config: Config) -> AsyncIterator[Database]:
    """Open the database for a look of the doctor's.

    Raises:
        DatabaseUnavailableError: there is none, or it does not answer.
    """
    try:
        address = dsn(config)
    except StartError as problem:
        raise DatabaseUnavailableError(str(problem)) from problem
    async with Database(address, size=1, name="kvar doctor") as database:
        yield database


async def migrate_database(config: Config) -> None:
    """Bring the schema up to date, and tell it the sites' privacy levels before anybody writes.

    Raises:
        StartError: it cannot be done.
    """
    try:
        for name in await migrate(dsn(config), utc_now()):
            _log.info("schema_migrated", file=name)
        async with Database(dsn(config), size=1, name="kvar migrate") as database:
            await PostgresPrivacy(database).tell(settings.privacy_levels(config))
    except (MigrationError, DatabaseUnavailableError, asyncpg.PostgresError) as problem:
        raise StartError(f"the database cannot be prepared: {problem}") from problem
