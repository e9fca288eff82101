"""Composes ``kvar restore``: a backup in the place of what the database holds, or tried aside.

The rule to keep: nothing is changed before the whole file is read and proved; what must be gone by
now is gone before anybody can look (rows over their period, keys of times past, staff's visits).
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from portal import config_file, settings
from portal.backup.age import INTRODUCTION, Decrypting, read_identities
from portal.backup.archive import ArchiveError, Contents, Source, StoredFile, read_backup, read_keys
from portal.backup.shelf import KEYS_NAME
from portal.composition.backup import FAILURES, running_database
from portal.composition.database import key_directory
from portal.composition.everything import prepare_directories
from portal.composition.local_postgres import prepare_database
from portal.composition.purging import compose_counting, compose_purging
from portal.composition.setup_files import Place, packaged_user
from portal.composition.start import StartError
from portal.config import Config
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.ports import DatabaseUnavailableError
from portal.services.purging import destroy_due
from portal.storage.database import Database, Deadlines
from portal.storage.dump import Target, look_at, restore, sign_staff_out
from portal.storage.embedded import EmbeddedPostgres
from portal.storage.migrate import MigrationError, migrate, read_migrations
from portal.supervisor import UnknownUserError

_FAILURES = (
    *FAILURES, ArchiveError, MigrationError, DatabaseUnavailableError, KeyRingError,
    UnknownUserError,
)  # fmt: skip


_THROWN_AWAY = {"fsync": "off", "log_min_messages": "panic"}
"""What it tells of its start and end would look like trouble."""

_PATIENT = Deadlines(connect_s=5.0, statement_s=600.0)
"""Nobody waits for an answer."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line was told. ``keys``: the file of keys, by default beside the backup."""

    file: Path
    identity: Path | None = None
    keys: Path | None = None
    replace: bool = False


async def try_out(wish: Wish, now: datetime) -> str:
    """Restore a backup into a PostgreSQL of its own, count, bring it up to date, and throw it away.

    Raises:
        StartError: the backup would not do.
    """
    try:
        with _opened(wish) as contents, _reachable_folder() as folder:
            keys = _keys(wish)
            async with EmbeddedPostgres(folder, settings=_THROWN_AWAY) as address:
                await _fill(await look_at(address), contents)
                found = (await look_at(address)).tables
                _compare(contents, found)
                await migrate(address, now)
    except _FAILURES as problem:
        raise StartError(f"{wish.file} cannot be restored: {_words(problem)}") from problem
    told = "no file of keys with it" if keys is None else f"{len(keys)} keys with it"
    return f"{wish.file} can be restored: {_summary(contents)}; every table was counted; {told}"


async def put_back(place: Path, wish: Wish, now: datetime) -> str:
    """Restore a backup; ``place`` is the configuration's file, written when there is none.

    Raises:
        StartError: it was not done; the text says what stands now.
    """
    try:
        with _opened(wish) as contents:
            return await _put_back(place, wish, contents, now)
    except _FAILURES as problem:
        raise StartError(f"{wish.file} was not restored: {_words(problem)}") from problem


async def _put_back(place: Path, wish: Wish, contents: Contents, now: datetime) -> str:
    text = _configuration(place, contents)
    config = config_file.parse(text, place)
    prepare_directories(config)
    if os.geteuid() == 0:  # on a new machine PostgreSQL knows nothing of us yet
        prepare_database(config, Place(place, packaged_user()))
    with _kept_keys(config, _keys(wish), now) as keys:
        _refuse_other_keys(config, keys, replace=wish.replace)
        with _as_owner(config, contents.dump):
            async with running_database(config, create=True) as address:
                target = await look_at(address)
                _refuse_what_stands(target, replace=wish.replace)
                await _fill(target, contents)
                await migrate(address, now)
                _install(config, keys)
                gone = await _purge(target.host, config, now)
    written, left = _write_configuration(place, text, contents)
    told = (
        f"restored from {wish.file}: {_summary(contents)}; {gone} rows were over their period and "
        f"are deleted; {len(keys)} keys put back\n"
    )
    told += "".join(f"{path} written\n" for path in written)
    told += "".join(f"{path} not written, it is not in {place.parent}: tar -x\n" for path in left)
    if not any(key_directory(config).glob("*.key")):
        told += (
            "There are no keys: cards, vouchers and staff's second factors are not known again.\n"
        )
    return (
        f"{told}Sessions that have not ended go on when Kvar starts. What was taken back since "
        f"{contents.manifest.made_at:%Y-%m-%d %H:%M} UTC is good again: look at kvar account list, "
        "kvar token list, and the vouchers."
    )


def _summary(contents: Contents) -> str:
    manifest = contents.manifest
    rows = sum(manifest.tables.values())
    return (
        f"{manifest.made_at:%Y-%m-%d %H:%M} UTC, {len(manifest.tables)} tables, {rows} rows, "
        f"schema {manifest.schema}"
    )


# --- the file -----------------------------------------------------------------------------------


@contextmanager
def _opened(wish: Wish) -> Iterator[Contents]:
    with (
        tempfile.TemporaryDirectory(prefix="kvar-restore-") as folder,
        wish.file.open("rb") as file,
    ):
        yield read_backup(_plain(file, wish.identity), Path(folder))


def _plain(file: BinaryIO, identity: Path | None) -> Source:
    is_sealed = file.read(len(INTRODUCTION)) == INTRODUCTION
    file.seek(0)
    if not is_sealed:
        return file
    if identity is None:
        raise ArchiveError("it is encrypted: name the key that opens it with --identity")
    return Decrypting(file, read_identities(identity.read_text(encoding="utf-8")))


def _keys(wish: Wish) -> dict[str, bytes] | None:
    """Return the keys that came with the backup; None where there is no file of them."""
    path = wish.keys or wish.file.with_name(KEYS_NAME)
    if wish.keys is None and (wish.identity is None or not path.exists()):
        return None
    with path.open("rb") as file:
        return read_keys(_plain(file, wish.identity))


# --- the database -------------------------------------------------------------------------------


@contextmanager
def _as_owner(config: Config, dump: Path) -> Iterator[None]:
    """Let root be the keys' owner meanwhile: PostgreSQL knows everybody by the user's name.

    Not for a private PostgreSQL, which root starts as another user.
    """
    owner = key_directory(config).stat().st_uid
    if os.geteuid() != 0 or owner == 0 or not config.database.dsn.get_secret_value():
        yield
        return
    for path in (dump.parent, dump):
        os.chown(path, owner, -1)
    os.seteuid(owner)
    try:
        yield
    finally:
        os.seteuid(0)


def _refuse_what_stands(target: Target, *, replace: bool) -> None:
    if target.programs:
        running = ", ".join(target.programs)
        raise ArchiveError(f"Kvar is running ({running}): stop it, systemctl stop kvar.target")
    if target.rows and not replace:
        raise ArchiveError(
            f"the database is not empty ({target.rows} rows); --replace puts the backup in its "
            "place, and what stands there now is lost"
        )


async def _fill(target: Target, contents: Contents) -> None:
    needs = contents.manifest.needs
    if needs > max(file.version for file in read_migrations()):
        raise MigrationError(f"only programs that know migration {needs} can work with it")
    await asyncio.to_thread(restore, target, contents.dump)


def _compare(contents: Contents, found: object) -> None:
    if found != dict(contents.manifest.tables):
        raise ArchiveError("its tables have other numbers of rows than when it was made")


async def _purge(host: str, config: Config, now: datetime) -> int:
    """Delete at once what the hours since the backup have made due; return how much."""
    await sign_staff_out(host)
    keys = KeyRing(key_directory(config))
    async with Database(host, size=1, deadlines=_PATIENT, name="kvar restore") as database:
        counting = compose_counting(config, database, keys)
        done = await compose_purging(config, database, keys, counting).run(now)
    return sum(done.deleted.values())


# --- the keys -----------------------------------------------------------------------------------


@contextmanager
def _kept_keys(
    config: Config, keys: dict[str, bytes] | None, now: datetime
) -> Iterator[dict[str, bytes]]:
    """Give the keys whose periods are not over."""
    with tempfile.TemporaryDirectory(prefix="kvar-restore-") as name:
        folder = Path(name)
        for file, data in (keys or {}).items():
            (folder / file).write_bytes(data)
        destroy_due(KeyRing(folder), settings.kept(config), now)
        yield {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _refuse_other_keys(config: Config, keys: dict[str, bytes], *, replace: bool) -> None:
    folder = key_directory(config)
    other = [
        name
        for name, data in keys.items()
        if (folder / name).exists() and (folder / name).read_bytes() != data
    ]
    if other and not replace:
        raise ArchiveError(
            f"{folder} has other keys than the backup ({', '.join(other)}); --replace takes the "
            "backup's, and what is named under the others is lost"
        )


def _install(config: Config, keys: dict[str, bytes]) -> None:
    folder = key_directory(config)
    owner = folder.stat()
    for name, data in keys.items():
        file = StoredFile(data)
        _write(folder / name, file)
        if os.geteuid() == 0:
            os.chown(folder / name, owner.st_uid, owner.st_gid)


# --- the configuration --------------------------------------------------------------------------


def _configuration(place: Path, contents: Contents) -> str:
    if place.exists():
        return place.read_text(encoding="utf-8")
    stored = contents.files.get(Path(contents.manifest.configuration))
    if stored is None:
        raise ArchiveError(f"there is no {place}, and the backup holds none")
    return stored.data.decode()


def _write_configuration(
    place: Path, text: str, contents: Contents
) -> tuple[list[Path], list[Path]]:
    """Write what is missing of the configuration's folder; what stands there is left.

    Returns what was written, and what the backup has for other folders: root writes nothing there
    that anybody may have put into a backup.
    """
    main = contents.files.get(Path(contents.manifest.configuration), StoredFile(b"", 0o640))
    wanted = {place: StoredFile(text.encode(), main.mode, main.user, main.group)}
    wanted |= {path: file for path, file in contents.files.items() if file is not main}
    missing = {path: file for path, file in wanted.items() if not path.exists()}
    folder = place.parent.resolve()
    ours = [path for path in missing if path.parent.resolve().is_relative_to(folder)]
    for path in ours:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, missing[path])
    return ours, [path for path in missing if path not in ours]


def _write(path: Path, file: StoredFile) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(file.data)
        out.flush()
        os.fsync(out.fileno())
    path.chmod(file.mode)
    if os.geteuid() == 0 and file.user:
        with suppress(LookupError):  # another machine has other users
            shutil.chown(path, file.user, file.group)


@contextmanager
def _reachable_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach."""
    with tempfile.TemporaryDirectory(prefix="kvar-check-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def _words(problem: Exception) -> str:
    return str(problem) or type(problem).__name__
