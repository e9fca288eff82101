"""What a backup holds: a tar of the configuration, the database in pieces, and a manifest.

Not encryption (age.py), not PostgreSQL (storage/dump.py). The rule to keep: one pass in, one pass
out, so that a backup needs no second room on the disk; the manifest comes last, and without it a
file is not whole. By hand: ``tar -x``, then ``cat database/*`` is pg_dump's custom format.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol, cast

FORMAT = 1
PIECE_BYTES = 4 * 1024 * 1024
_DATABASE, _FILES, _MANIFEST = "database/", "configuration/", "manifest.json"
_KEYS = "keys/"
_LARGEST_FILE = 16 * 1024 * 1024
"""Of a file of the configuration or the manifest: what is larger is none of ours."""


class ArchiveError(Exception):
    """The file is not a whole backup of ours; the text says what is wrong."""


class Sink(Protocol):
    """Where an archive goes."""

    def write(self, data: bytes, /) -> int:
        """Take more."""
        ...


class Source(Protocol):
    """Where an archive comes from; ``tarfile`` uses no more of a stream."""

    def read(self, size: int, /) -> bytes:
        """Return more; empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the configuration, with who may read it."""

    data: bytes
    mode: int = 0o600
    user: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself: the rows of each table, the migrations' numbers."""

    made_at: datetime
    program: str
    migrations: tuple[int, ...] = ()
    needs: int = 0
    """The migration that programs have to know to work with this schema."""
    configuration: str = ""
    """The path of ``kvar.toml`` among the files."""
    tables: Mapping[str, int] = field(default_factory=dict)
    database_sha256: str = ""
    format: int = FORMAT

    @property
    def schema(self) -> int:
        """The schema's level: its newest migration."""
        return max(self.migrations, default=0)


@dataclass(frozen=True, slots=True)
class Contents:
    """A backup that was read into a folder: the dump, and the configuration's files by path."""

    manifest: Manifest
    dump: Path
    files: Mapping[Path, StoredFile]


class Writer:
    """Writes one archive, in the order of its methods; ``finish`` makes it whole."""

    def __init__(self, sink: Sink, made_at: datetime) -> None:
        self._sink = sink
        self._at = made_at.timestamp()
        self._pieces = 0
        self._hash = hashlib.sha256()

    def add_files(self, files: Mapping[Path, StoredFile]) -> None:
        """Add files of the configuration, by their absolute paths."""
        for path, file in files.items():
            self._add(_FILES + str(path).lstrip("/"), file)

    def add_database(self, dump: Iterable[bytes]) -> None:
        """Add the dump as it comes."""
        for piece in _pieces(dump):
            self._pieces += 1
            self._hash.update(piece)
            self._add(f"{_DATABASE}{self._pieces:06}", StoredFile(piece))

    def add_keys(self, keys: Mapping[str, bytes]) -> None:
        """Add key files by name."""
        for name, data in keys.items():
            self._add(_KEYS + name, StoredFile(data))

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, with the dump's hash, and the end."""
        document = asdict(manifest) | {"made_at": manifest.made_at.isoformat()}
        document["database_sha256"] = self._hash.hexdigest()
        self._add(_MANIFEST, StoredFile(json.dumps(document, indent=1).encode()))
        self._sink.write(bytes(2 * tarfile.BLOCKSIZE))

    def _add(self, name: str, file: StoredFile) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = len(file.data), file.mode, int(self._at)
        entry.uname, entry.gname = file.user, file.group
        self._sink.write(entry.tobuf(tarfile.PAX_FORMAT))
        self._sink.write(file.data + bytes(-len(file.data) % tarfile.BLOCKSIZE))


def read_backup(source: Source, directory: Path) -> Contents:
    """Read a backup whole into ``directory``, which exists and is ours.

    Raises:
        ArchiveError: it is not a whole backup.
        OSError: it could not be read, or there is no room.
    """
    dump = directory / "database.dump"
    digest, files, manifest = hashlib.sha256(), dict[Path, StoredFile](), None
    descriptor = os.open(dump, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out, _told_plainly():
        for entry, body in _entries(source):
            name = entry.name
            if name.startswith(_DATABASE):
                for piece in _read(body):
                    digest.update(piece)
                    out.write(piece)
            elif name.startswith(_FILES):
                files[_path(name.removeprefix(_FILES))] = _stored(entry, body)
            elif name == _MANIFEST:
                manifest = _manifest(body.read(_LARGEST_FILE))
    if manifest is None:
        raise ArchiveError("its end is missing: it is not whole")
    if manifest.database_sha256 != digest.hexdigest():
        raise ArchiveError("the database in it is damaged")
    return Contents(manifest, dump, files)


def read_keys(source: Source) -> dict[str, bytes]:
    """Return the keys of a file of keys, by file name.

    Raises:
        ArchiveError: it is not a whole one.
    """
    keys, is_whole = dict[str, bytes](), False
    with _told_plainly():
        for entry, body in _entries(source):
            if entry.name.startswith(_KEYS):
                keys[_key_name(entry.name)] = body.read(_LARGEST_FILE)
            is_whole = is_whole or entry.name == _MANIFEST
    if not is_whole:
        raise ArchiveError("its end is missing: it is not whole")
    return keys


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError) as problem:
        raise ArchiveError(f"it is not a backup, or damaged: {problem}") from problem


def _key_name(name: str) -> str:
    plain = name.removeprefix(_KEYS)
    if "/" in plain or not plain.endswith(".key"):
        raise ArchiveError(f"it holds {plain!r}, which is no key")
    return plain


def _entries(source: Source) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    with tarfile.open(mode="r|", fileobj=cast("IO[bytes]", source)) as tar:
        for entry in tar:
            body = tar.extractfile(entry) if entry.isreg() else None
            if body is not None:
                yield entry, body


def _stored(entry: tarfile.TarInfo, body: IO[bytes]) -> StoredFile:
    return StoredFile(body.read(_LARGEST_FILE), entry.mode & 0o777, entry.uname, entry.gname)


def _read(body: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: body.read(PIECE_BYTES), b"")


def _pieces(dump: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for data in dump:
        waiting += data
        if len(waiting) >= PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _path(name: str) -> Path:
    path = Path("/") / name
    if ".." in path.parts:
        raise ArchiveError(f"it holds a file of a path that leads elsewhere: {name!r}")
    return path


def _manifest(data: bytes) -> Manifest:
    try:
        document: dict[str, Any] = json.loads(data)
        if document["format"] != FORMAT:
            raise ArchiveError("it was made by a newer release of Kvar: use that one")
        return Manifest(
            made_at=datetime.fromisoformat(document["made_at"]),
            program=str(document["program"]),
            configuration=str(document["configuration"]),
            needs=int(document["needs"]),
            migrations=tuple(int(number) for number in document["migrations"]),
            tables={str(name): int(rows) for name, rows in document["tables"].items()},
            database_sha256=str(document["database_sha256"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ArchiveError("its manifest is damaged") from problem
