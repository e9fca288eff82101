"""A whole database out and in again, by PostgreSQL's own pg_dump, pg_restore and psql.

Not the file around it (portal/backup). The rule to keep: an address with its password is never an
argument of a process, nor in its environment; and a restore is one transaction, so that what stood
there stands when it fails.
"""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from portal.storage.binaries import find_tools
from portal.storage.database import CONNECT_ERRORS, connect
from portal.storage.hosts import split_hosts

CONNECT_S = 10.0
STATEMENT_S = 3600.0
_READ_BYTES = 1024 * 1024
_BEGIN = b"SET client_min_messages = warning; BEGIN; DROP SCHEMA public CASCADE;\n"
"""A dump of one schema makes that schema."""
_COMMIT = b"\nCOMMIT;\n"

_TABLES = """
SELECT oid::regclass::text AS name FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
 ORDER BY 1
"""
_MIGRATIONS = """
SELECT version, coalesce((to_jsonb(m) ->> 'needs')::integer, 0) AS needs
  FROM schema_migration AS m ORDER BY 1
"""
"""The first schemas have no such column."""
_OTHERS = """
SELECT DISTINCT application_name AS name FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'kvar%'
 ORDER BY 1
"""


class DumpError(Exception):
    """PostgreSQL's programs failed; the text is theirs."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The database at one moment: what a dump of the same moment holds."""

    host: str
    """The DSN of the host that answered."""
    snapshot: str
    server_major: int
    tables: Mapping[str, int]
    migrations: tuple[int, ...]
    needs: int
    """The migration that programs have to know to work with it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A database that is to be filled: its host's DSN, its version, and what stands in it.

    ``programs`` are those of ours that are connected.
    """

    host: str
    server_major: int
    tables: Mapping[str, int]
    programs: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows stand in it, but for the list of migrations."""
        return sum(rows for name, rows in self.tables.items() if name != "schema_migration")


async def open_host(dsn: str, name: str) -> tuple[str, asyncpg.Connection]:
    """Return the DSN of the first host that takes us, and a connection to it that may be slow.

    Raises:
        CONNECT_ERRORS: none does.
    """
    failure: Exception = OSError("no host")
    for host in split_hosts(dsn):
        try:
            connection = await connect(host, CONNECT_S, STATEMENT_S, name)
            await connection.execute("SET idle_in_transaction_session_timeout = 0")
        except CONNECT_ERRORS as error:
            failure = error
        else:
            return host, connection
    raise failure


async def take_picture(host: str, connection: asyncpg.Connection) -> Picture:
    """Count every table in the transaction that is open, and name its snapshot."""
    migrations = await connection.fetch(_MIGRATIONS)
    return Picture(
        host,
        await connection.fetchval("SELECT pg_export_snapshot()"),
        connection.get_server_version().major,
        await _count(connection),
        tuple(row["version"] for row in migrations),
        max((row["needs"] for row in migrations), default=0),
    )


async def look_at(dsn: str) -> Target:
    """Return what stands at the address now.

    Raises:
        CONNECT_ERRORS: the database cannot be had.
    """
    host, connection = await open_host(dsn, "kvar restore")
    try:
        others = [row["name"] for row in await connection.fetch(_OTHERS)]
        major = connection.get_server_version().major
        return Target(host, major, await _count(connection), tuple(others))
    finally:
        connection.terminate()


async def sign_staff_out(host: str) -> None:
    """End every visit of staff's: those of a backup's day are no longer anybody's.

    Raises:
        CONNECT_ERRORS: the database cannot be had.
    """
    _, connection = await open_host(host, "kvar restore")
    try:
        await connection.execute("DELETE FROM staff_session")
    finally:
        connection.terminate()


async def _count(connection: asyncpg.Connection) -> dict[str, int]:
    names = [row["name"] for row in await connection.fetch(_TABLES)]
    return {
        name: await connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608 - regclass quotes
        for name in names
    }


def dump(picture: Picture) -> Iterator[bytes]:
    """Yield the dump of the picture's moment, in pg_dump's custom format; blocks while it waits.

    The transaction that took the picture is still open.

    Raises:
        DumpError: pg_dump failed.
        EmbeddedPostgresError: there is none here.
    """
    tools = find_tools(picture.server_major)
    with _service(picture.host) as environment:
        command = [str(tools / "pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
        command += ["--schema=public", f"--snapshot={picture.snapshot}", "--dbname=service=kvar"]
        with _started(command, environment, stdout=subprocess.PIPE) as process:
            yield from iter(lambda: _out(process).read(_READ_BYTES), b"")


def restore(target: Target, file: Path) -> None:
    """Put a dump in the place of all that the database holds; blocks while it works.

    Raises:
        DumpError: it failed, and nothing was changed.
        EmbeddedPostgresError: there are no programs for it here.
    """
    tools = find_tools(target.server_major)
    read = [str(tools / "pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    write = [str(tools / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    write += ["--output=/dev/null", "--dbname=service=kvar", "--file=-"]
    with (
        _service(target.host) as environment,
        _started(write, environment, stdin=subprocess.PIPE) as writing,
        suppress(BrokenPipeError),  # psql has given up, and says why
    ):
        _send(writing, _BEGIN)
        with _started(read, environment, stdout=subprocess.PIPE) as reading:
            for data in iter(lambda: _out(reading).read(_READ_BYTES), b""):
                _send(writing, data)
        _send(writing, _COMMIT)  # only after all of it: the end of the input commits nothing
        _in(writing).close()


def _send(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    _in(process).write(data)


def _in(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    return process.stdin


def _out(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    return process.stdout


@contextmanager
def _started(
    command: list[str],
    environment: Mapping[str, str],
    stdin: int = subprocess.DEVNULL,
    stdout: int | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program; leaving waits for it, and raises DumpError with its words where it failed."""
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=words, env=dict(environment)
        )
        try:
            yield process
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.wait():
            words.seek(0)
            told = words.read().decode(errors="replace").strip()
            raise DumpError(told or f"{Path(command[0]).name} ended with {process.returncode}")


@contextmanager
def _service(dsn: str) -> Iterator[dict[str, str]]:
    """Write the address where libpq looks for the service ``kvar``, for its programs alone."""
    with tempfile.NamedTemporaryFile("w", prefix="kvar-service-", encoding="utf-8") as file:
        lines = [f"{key}={value}" for key, value in _libpq(dsn).items()]
        file.write("\n".join(["[kvar]", *lines, ""]))
        file.flush()  # its mode is 0600
        yield {
            "PGSERVICEFILE": file.name,
            "PATH": os.defpath,
            "LC_ALL": "C",
            "HOME": pwd.getpwuid(os.geteuid()).pw_dir,  # .pgpass, .postgresql
        }


def _libpq(dsn: str) -> dict[str, str]:
    """Return a DSN of one host as libpq's keywords."""
    parts = urlsplit(dsn)
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    host, _, port = place.rpartition(":") if place.rpartition(":")[2].isdigit() else (place, "", "")
    words = {
        "host": host.strip("[]"),
        "port": port,
        "user": name,
        "password": password,
        "dbname": parts.path.lstrip("/"),
    }
    found = {key: unquote(value) for key, value in words.items() if value}
    return found | dict(parse_qsl(parts.query))
