"""Composes ``kvar backup``: one file with database and configuration, and one with the keys.

The rule to keep: what stood there stands until the new file is on the disk. Keys leave their folder
encrypted only, into a file that the next backup replaces, so that a key which the retention period
destroys is in no backup a day later.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from pwd import getpwuid
from typing import BinaryIO

from pydantic import BaseModel

from portal.backup.age import AgeError, Encrypting, new_identity, read_recipient
from portal.backup.archive import Manifest, Sink, StoredFile, Writer
from portal.backup.shelf import KEYS_NAME, backups, name_of, one_at_a_time, rotate, whole_file
from portal.composition.database import dsn, key_directory
from portal.composition.start import StartError
from portal.config import Config
from portal.storage.binaries import EmbeddedPostgresError
from portal.storage.database import CONNECT_ERRORS
from portal.storage.dump import DumpError, Picture, dump, open_host, take_picture
from portal.storage.embedded import EmbeddedPostgres

FAILURES = (OSError, DumpError, EmbeddedPostgresError, AgeError, *CONNECT_ERRORS)
_WEEK_KEYS, _DAY_KEYS = "log-", "count-"
"""A day's key counts that day's devices, and is to be gone with the day."""


async def back_up(
    config: Config, config_file: Path, now: datetime, directory: Path | None = None
) -> str:
    """Write a backup, let the oldest go, and say what was written.

    Raises:
        StartError: none was written; those that stood there still stand.
    """
    shelf = directory or config.backup.directory
    try:
        with one_at_a_time(shelf):
            return await _back_up(config, config_file, shelf, now)
    except FAILURES as problem:
        reason = str(problem) or type(problem).__name__
        if isinstance(problem, PermissionError):
            user = getpwuid(os.geteuid()).pw_name
            reason += f" (as root: install -d -o {user} -m 0700 {shelf})"
        text = f"no backup was made in {shelf}: {reason}; the earlier ones still stand there"
        raise StartError(text) from problem


async def _back_up(config: Config, config_file: Path, shelf: Path, now: datetime) -> str:
    recipients = config.backup.recipients
    path = shelf / name_of(now, encrypted=bool(recipients))
    files = _files_of(config, config_file)
    async with running_database(config) as address:
        host, connection = await open_host(address, "kvar backup")
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                picture = await take_picture(host, connection)
                place, program = str(next(iter(files))), version("kvar")
                known, needs = picture.migrations, picture.needs
                manifest = Manifest(now, program, known, needs, place, picture.tables)
                await asyncio.to_thread(_write, path, recipients, files, picture, manifest)
        finally:
            connection.terminate()
    keys = _write_keys(config, shelf, now)
    longest = config.retention.backups_days
    rotate(shelf, config.backup.keep, None if longest is None else timedelta(days=longest), now)
    return _told(path, manifest, keys, len(backups(shelf)))


def _write(
    path: Path,
    recipients: list[str],
    files: dict[Path, StoredFile],
    picture: Picture,
    manifest: Manifest,
) -> None:
    with whole_file(path) as file, _sealed(file, recipients) as sink:
        writer = Writer(sink, manifest.made_at)
        writer.add_files(files)
        writer.add_database(dump(picture))
        writer.finish(manifest)


@contextmanager
def _sealed(file: BinaryIO, recipients: list[str]) -> Iterator[Sink]:
    if not recipients:
        yield file
        return
    sink = Encrypting(file, [read_recipient(recipient) for recipient in recipients])
    yield sink
    sink.finish()


def _write_keys(config: Config, shelf: Path, now: datetime) -> int | None:
    """Return how many keys were written; None where nobody is named who may read them."""
    if not config.backup.recipients:
        return None
    found = {
        path.name: path.read_bytes()
        for path in sorted(key_directory(config).glob("*.key"))
        if not path.name.startswith(_DAY_KEYS)
        and (config.backup.week_keys or not path.name.startswith(_WEEK_KEYS))
    }
    with (
        whole_file(shelf / KEYS_NAME) as file,
        _sealed(file, config.backup.recipients) as sink,
    ):
        writer = Writer(sink, now)
        writer.add_keys(found)
        writer.finish(Manifest(now, version("kvar")))
    return len(found)


def _told(path: Path, manifest: Manifest, keys: int | None, kept: int) -> str:
    rows = sum(manifest.tables.values())
    told = (
        f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(manifest.tables)} tables, {rows} rows, "
        f"schema {manifest.schema}; {kept} kept\n"
    )
    if keys is not None:
        return f"{told}{path.with_name(KEYS_NAME)}: {keys} keys"
    return (
        f"{told}not encrypted and without the keys: it restores on this machine only, and holds "
        "the configuration's secrets. Name a recipient: kvar backup-key"
    )


def _files_of(config: Config, config_file: Path) -> dict[Path, StoredFile]:
    """Return the configuration, then the files that it names: certificates and secrets."""
    named = [path for path in _paths(config) if path not in config.gate.lease_files]
    found = [config_file, *(path for path in named if path.is_file())]
    return {path.absolute(): _stored(path) for path in found}


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item)


def _stored(path: Path) -> StoredFile:
    return StoredFile(path.read_bytes(), path.stat().st_mode & 0o777, path.owner(), path.group())


@asynccontextmanager
async def running_database(config: Config, *, create: bool = False) -> AsyncIterator[str]:
    """Give the database's address; a private PostgreSQL that is not running runs meanwhile.

    Raises:
        StartError: there is none yet, and none is to be made.
        EmbeddedPostgresError: it cannot be started.
    """
    postgres = EmbeddedPostgres(
        config.organisation.data_directory,
        users=tuple(filter(None, (config.processes.user,))),
        run_as=_owner(config.organisation.data_directory / "postgresql"),
    )
    if config.database.dsn.get_secret_value() or postgres.is_held():
        yield dsn(config)
        return
    if not create and not postgres.cluster.exists():
        raise StartError(f"there is no database in {config.organisation.data_directory} yet")
    async with postgres as address:
        yield address


def _owner(cluster: Path) -> str:
    """Return whose the private cluster is: root starts it as that user."""
    return cluster.owner() if os.geteuid() == 0 and cluster.exists() else ""


def make_key(file: Path) -> str:
    """Write a new private key to a file, and say its recipient.

    Raises:
        StartError: the file is there already, or cannot be written.
    """
    identity, recipient = new_identity()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(f"# public key: {recipient}\n{identity}\n")
    except OSError as problem:
        raise StartError(f"{file}: {problem.strerror}; nothing was written") from problem
    return (
        f"{file} opens the backups. Keep it away from this machine, in two places; without it no "
        f"backup is of use.\nPut its recipient into the configuration:\n\n[backup]\n"
        f'recipients = ["{recipient}"]'
    )
