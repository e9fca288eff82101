"""Accounting records on disk (implements services.ports.accounting.AccountingJournal).

Not the records' form (accounting_records.py). The rule to keep: a file has its name only when it is
whole and on disk, and is readable by its owner alone.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from time import time_ns
from uuid import uuid4

import structlog

from portal.services.ports.accounting import BatchUnreadableError, JournalError, WaitingBatch
from portal.storage.accounting_records import LineError, Record, decode, encode

MOST_OCTETS = 64 * 1024 * 1024
"""About 150,000 records: a thousand devices for half a day at an interim each five minutes."""

_SUFFIX = ".jsonl"
_BATCHES = f"[0-9]*{_SUFFIX}"
_ASIDE = "bad"

_log = structlog.get_logger()


class DiskJournal:
    """A directory of the portal's user; any process of that user may write and read it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._number = count()

    async def keep(self, records: Sequence[Record]) -> None:
        """See services.ports.accounting.AccountingJournal."""
        await asyncio.to_thread(self._keep, encode(records))

    async def waiting(self) -> Sequence[str]:
        """See services.ports.accounting.AccountingJournal."""
        return await asyncio.to_thread(self._names)

    async def read(self, name: str) -> Sequence[Record] | None:
        """See services.ports.accounting.AccountingJournal."""
        try:
            return decode(await asyncio.to_thread((self._directory / name).read_bytes))
        except FileNotFoundError:
            return None
        except (LineError, OSError) as problem:
            _log.error("accounting_set_aside", batch=name, reason=type(problem).__name__)
            await asyncio.to_thread(self._set_aside, name)
            return None

    async def remove(self, name: str) -> None:
        """See services.ports.accounting.AccountingJournal."""
        with suppress(OSError):
            await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)

    async def shrink(self, name: str, records: Sequence[Record]) -> None:
        """See services.ports.accounting.AccountingJournal."""
        with suppress(BatchUnreadableError, OSError):
            await asyncio.to_thread(lambda: self._write(self._file(name), encode(records)))

    async def batches(self) -> Sequence[WaitingBatch]:
        """See services.ports.accounting.RefusedJournal."""
        return await asyncio.to_thread(lambda: [_look(file) for file in self._files()])

    async def read_any(self, name: str) -> Sequence[Record]:
        """See services.ports.accounting.RefusedJournal."""
        try:
            return decode(await asyncio.to_thread(self._file(name).read_bytes))
        except LineError as problem:
            raise BatchUnreadableError(f"cannot be read: {problem}") from problem
        except OSError as problem:
            raise BatchUnreadableError(problem.strerror or type(problem).__name__) from problem

    async def remove_any(self, name: str) -> bool:
        """See services.ports.accounting.RefusedJournal."""
        try:
            await asyncio.to_thread(self._file(name).unlink)
        except (BatchUnreadableError, FileNotFoundError):
            return False
        return True

    def _files(self) -> list[Path]:
        directories = (self._directory, self._directory / _ASIDE)
        found = [file for one in directories if one.is_dir() for file in one.glob(_BATCHES)]
        return sorted(found, key=lambda file: file.name)

    def _file(self, name: str) -> Path:
        """Return a batch by its name, which somebody typed: only what is there can be named."""
        file = next((file for file in self._files() if file.name == name), None)
        if file is None:
            raise BatchUnreadableError("there is no such batch")
        return file

    def _keep(self, data: bytes) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._size() + len(data) > MOST_OCTETS:
                raise JournalError("too many records wait")
            name = f"{time_ns():020d}-{next(self._number):06d}-{uuid4().hex}{_SUFFIX}"
            self._write(self._directory / name, data)
        except OSError as problem:
            raise JournalError(problem.strerror or type(problem).__name__) from problem

    def _write(self, whole: Path, data: bytes) -> None:
        draft = self._directory / f".{uuid4().hex}"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(whole)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        directory = os.open(whole.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _names(self) -> list[str]:
        if not self._directory.is_dir():
            return []
        return sorted(path.name for path in self._directory.glob(_BATCHES))

    def _size(self) -> int:
        return sum(entry.stat().st_size for entry in os.scandir(self._directory))

    def _set_aside(self, name: str) -> None:
        with suppress(OSError):
            aside = self._directory / _ASIDE
            aside.mkdir(mode=0o700, exist_ok=True)
            (self._directory / name).rename(aside / name)


def _look(file: Path) -> WaitingBatch:
    kept_at = datetime.fromtimestamp(int(file.name.partition("-")[0]) / 1e9, UTC)
    try:
        records = decode(file.read_bytes())
    except (LineError, OSError):
        return WaitingBatch(file.name, kept_at, None, frozenset())
    access_points = frozenset(record.access_point for record in records)
    return WaitingBatch(file.name, kept_at, len(records), access_points)
