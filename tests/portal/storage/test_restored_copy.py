"""What the write-ahead log's archive remembers: rows, and nobody whose they were.

A database is backed up and archived as PostgreSQL's handbook has it (section 26.3), its history is
deleted when it is due, and a copy is restored to the moment before. The rows are there again: only
the keys are not, for they stand outside, and were destroyed.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from portal.domain.identity import MacAddress, Secret
from portal.services.key_ring import KeyRing
from portal.services.ports import Kept
from portal.services.purging import Purging
from portal.storage.database import Database
from portal.storage.embedded import EmbeddedPostgres, find_binaries
from portal.storage.migrate import migrate
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.storage.clusters import reachable_directory

MAC = MacAddress("02:00:00:00:00:01")
CARD = Secret("12345678901234")
BEGAN = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
MUCH_LATER = BEGAN + timedelta(days=40)


@dataclass
class Archived:
    """A cluster whose write-ahead log is archived, and a backup of its beginning."""

    cluster: EmbeddedPostgres
    backup: Path
    archive: Path


@asynccontextmanager
async def archived(directory: Path) -> AsyncIterator[Archived]:
    archive, backup = directory / "archive", directory / "backup"
    settings = {
        "fsync": "off",
        "archive_mode": "on",
        "archive_command": f"test ! -f {archive}/%f && cp %p {archive}/%f",
        "max_wal_size": "64MB",
    }
    cluster = EmbeddedPostgres(directory / "live", settings=settings)
    (directory / "live").mkdir(mode=0o711)
    async with cluster:
        owner = cluster.cluster.stat()
        for path in (archive, backup):
            path.mkdir(mode=0o700)
            shutil.chown(path, owner.st_uid, owner.st_gid)
        rules = cluster.cluster / "pg_hba.conf"
        rules.write_text(rules.read_text() + "local replication kvar peer map=kvar\n")
        await migrate(cluster.dsn, BEGAN)
        async with connected(cluster.dsn) as connection:
            await connection.execute("SELECT pg_reload_conf()")
            await connection.execute(
                "SELECT pg_stat_reset()"
            )  # a reload is done by the next answer
        await back_up(cluster, backup)
        yield Archived(cluster, backup, archive)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def back_up(cluster: EmbeddedPostgres, to: Path) -> None:
    address = cluster.dsn.replace("/postgres?", "/?")
    program = [find_binaries() / "pg_basebackup", "-D", to, "-X", "none", "-c", "fast", "-N"]
    process = await asyncio.create_subprocess_exec(
        *("setpriv", f"--reuid={cluster.cluster.stat().st_uid}"),
        *(f"--regid={cluster.cluster.stat().st_gid}", "--clear-groups", "--", *map(str, program)),
        *("-d", address, "--no-manifest"),
        cwd="/",
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


@asynccontextmanager
async def restored(source: Archived, name: str, directory: Path) -> AsyncIterator[Database]:
    """The copy as it was at a restore point of that name."""
    copy = directory / "copy"
    copy.mkdir(mode=0o711)
    shutil.move(source.backup, copy / "postgresql")
    (copy / "postgresql" / "recovery.signal").touch()
    settings = {
        "fsync": "off",
        "restore_command": f"cp {source.archive}/%f %p",
        "recovery_target_name": name,
        "recovery_target_action": "promote",
    }
    async with EmbeddedPostgres(copy, settings=settings) as dsn, Database(dsn) as database:
        yield database


async def visit(database: Database, keys: KeyRing) -> None:
    """A card's visit, over: what history says of it."""
    subject = keys.card(CARD, BEGAN)
    trace = keys.trace(MAC, subject, BEGAN)
    names = (trace.key_id, trace.device, trace.subject)
    await database.fetch(
        "INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason,"
        " extensions, trace_key, device_trace, subject_trace)"
        " VALUES ($1, 'card', 'city', $2, $3, 'absent', 0, $4, $5, $6)",
        *(UUID(int=1), BEGAN, BEGAN + timedelta(hours=1), *names),
    )
    await database.fetch(
        "INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace)"
        " VALUES ($1, 'session_started', 'city', $2, $3, $4)",
        *(BEGAN, UUID(int=1), *names[:2]),
    )


async def found(database: Database, keys: KeyRing) -> set[str]:
    """What somebody finds who holds the keys that are left, a device and a card."""
    weeks = keys.kept_weeks([BEGAN - timedelta(days=2 + 7 * back) for back in range(-8, 8)])
    devices = [keys.device_in(MAC, monday) for monday in weeks]
    guests = [name for monday in weeks for name in keys.guests_in(CARD, monday)]
    asked = {
        "a session by its device": ("past_session", "device_trace", devices),
        "a session by its card": ("past_session", "subject_trace", guests),
        "an event by its device": ("event", "device_trace", devices),
    }
    return {
        what
        for what, (table, column, names) in asked.items()
        if await database.fetch(f"SELECT FROM {table} WHERE {column} = ANY($1)", names)
    }


EVERYTHING = {"a session by its device", "a session by its card", "an event by its device"}


@pytest.mark.proof
async def test_a_copy_from_before_the_deletion_knows_nobody(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path / "keys")
    with reachable_directory() as directory:
        async with archived(directory) as source:
            async with Database(source.cluster.dsn) as database:
                await visit(database, keys)
                assert await found(database, keys) == EVERYTHING, "or it proves nothing"
                secrets = [path.read_bytes() for path in (tmp_path / "keys").glob("*.key")]
                await database.fetch("SELECT pg_create_restore_point('before')")
                evidence = await Purging(PostgresUpkeep(database), keys, Kept()).run(MUCH_LATER)
                assert evidence.keys == ("log-2026-w48",)
                assert evidence.deleted["sessions"] == evidence.deleted["events"] == 1
                await database.fetch("SELECT pg_switch_wal()")
            assert await found_in_files(source, secrets) == 0
        # Stopped: the archiver has handed over the last segment.
        async with restored(source, "before", directory) as copy:
            (row,) = await copy.fetch("SELECT (SELECT count(*) FROM past_session) AS sessions,"
                                      " (SELECT count(*) FROM event) AS events")  # fmt: skip
            assert (row["sessions"], row["events"]) == (1, 1), "the rows themselves are back"
            assert await found(copy, keys) == set()


async def found_in_files(source: Archived, secrets: list[bytes]) -> int:
    """How often a key stands in the cluster, its backup or its archive: as octets or as digits."""
    sought = [text for key in secrets for text in (key, key.hex().encode())]
    places = (source.cluster.cluster, source.backup, source.archive)
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert len([path for path in files if path.is_relative_to(source.archive)]) >= 1
    return sum(_octets(path).count(text) for path in files for text in sought)


def _octets(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # the archiver is at work
        return b""


async def test_a_copy_of_the_rows_knows_nobody_once_the_key_is_gone(
    database: Database, tmp_path: Path
) -> None:
    """The same without a restore: rows that nobody deleted, and a key that somebody did."""
    keys = KeyRing(tmp_path)
    await visit(database, keys)
    assert await found(database, keys) == EVERYTHING
    destroyed = keys.destroy_before(MUCH_LATER, BEGAN, BEGAN)
    assert destroyed == ["log-2026-w48"]
    assert await found(database, keys) == set()
