"""The spool on disk (implements services.ports.spool.Spool): one file a record.

Not the records' form (spool_records.py) and not their way into the database (replay.py). The rule
to keep: a file has its name only when it is whole and on disk; it may be read by its owner alone.
Fails closed: what cannot be written raises, and nothing else happens.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import structlog

from portal.services.ports.spool import Record, SpoolError
from portal.storage import spool_records
from portal.storage.spool_records import EVENT

MOST_EVENTS = 5_000
"""Hours of refused logins. About 500 bytes each, 4 kB on disk."""

MOST_OTHERS = 5_000
"""Sessions and log-outs: more than a library sees in an outage. Further ones are refused."""

LONGEST_WAIT = timedelta(days=7)
"""Older records are of no use to anybody, and would bring back what is due for deletion."""

_SUFFIX = ".json"
_ASIDE = "bad"

_log = structlog.get_logger()


class DiskSpool:
    """A directory of the portal's user. Any process of that user may write and read it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def put(self, record: Record) -> None:
        """See services.ports.spool.Spool."""
        await asyncio.to_thread(self._put, record)

    async def waiting(self) -> Sequence[str]:
        """Return the names of the records that wait, the oldest first."""
        return await asyncio.to_thread(self._names)

    async def read(self, name: str) -> Record | None:
        """Read a record; None when another process has just written it to the database.

        Raises:
            RecordError: it cannot be read.
        """
        try:
            data = await asyncio.to_thread((self._directory / name).read_bytes)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise spool_records.RecordError(type(problem).__name__) from problem
        return spool_records.decode(data)

    async def remove(self, name: str) -> None:
        """Forget a record that has been written. Lost in a power cut, it is written once more."""
        with suppress(OSError):
            await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)

    async def set_aside(self, name: str) -> None:
        """Put a record away that can never be written."""
        with suppress(OSError):
            await asyncio.to_thread(self._set_aside, name)

    async def forget_before(self, moment: datetime) -> int:
        """Drop what is older, set aside or not; return how much."""
        return await asyncio.to_thread(self._forget_before, moment)

    def _put(self, record: Record) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(record)
            self._write(_name(record), spool_records.encode(record))
        except OSError as problem:
            raise SpoolError(problem.strerror or type(problem).__name__) from problem

    def _write(self, name: str, data: bytes) -> None:
        """Write beside, then rename: nobody reads half a record."""
        draft = self._directory / f".{name}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._directory / name)
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _make_room(self, record: Record) -> None:
        is_event = spool_records.kind_of(record) == EVENT
        names = [name for name in self._names() if _is_event(name) == is_event]
        if not is_event and len(names) >= MOST_OTHERS:
            raise SpoolError("too many records wait")
        surplus = max(len(names) - MOST_EVENTS + 1, 0) if is_event else 0
        for name in names[:surplus]:
            (self._directory / name).unlink(missing_ok=True)
            _log.error("event_dropped", reason="too many wait", event_file=name)

    def _names(self) -> list[str]:
        if not self._directory.is_dir():
            return []
        names = os.listdir(self._directory)  # noqa: PTH208 - names are all that is needed
        return sorted(name for name in names if name.endswith(_SUFFIX) and name[0] != ".")

    def _set_aside(self, name: str) -> None:
        aside = self._directory / _ASIDE
        aside.mkdir(mode=0o700, exist_ok=True)
        (self._directory / name).rename(aside / name)

    def _forget_before(self, moment: datetime) -> int:
        first = _stamp(moment)
        old = [path for path in self._directory.glob(f"**/*{_SUFFIX}") if _order(path) < first]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


def _name(record: Record) -> str:
    """Return a name that sorts by time and says no more than the kind."""
    kind = spool_records.kind_of(record)
    return f"{_stamp(spool_records.time_of(record))}-{kind}-{uuid4().hex}{_SUFFIX}"


def _stamp(moment: datetime) -> str:
    return f"{int(moment.timestamp() * 1_000_000):020d}"


def _order(path: Path) -> str:
    return path.name.lstrip(".")


def _is_event(name: str) -> bool:
    return f"-{EVENT}-" in name
