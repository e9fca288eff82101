"""Exports of the log: written by the way, page by page, into a file that has no name.

Not the words and not the page. The rules to keep: a file is its maker's alone and is gone after ten
minutes, or with the process; nobody can fetch it before it stands in the record who took it out,
why, and how many rows it has.
"""

import asyncio
import os
import secrets
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import BinaryIO
from uuid import UUID

import structlog

from portal.domain.audit_chain import Act
from portal.domain.log_table import MOST_ROWS, LogRow, LogWords, cells, heads, json_line
from portal.domain.session_log import ONLINE, Cursor, LogFilter, write_point
from portal.domain.spreadsheet import BYTE_ORDER_MARK, csv_line
from portal.services.console.look_ups import Auditing, Why
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.session_log import LoggedSession, SessionLog

KEPT = timedelta(minutes=10)
"""After it is done."""

MOST_JOBS = 20
AT_ONCE = 1000
"""Rows a statement, well within its time-out; and what is held in memory."""

MOST_COUNTED = 100_000
"""Rows; a million of many kinds are not counted within the time-out of a statement."""

CHUNK_BYTES = 1 << 16

_log = structlog.get_logger()


class Format(StrEnum):
    """What a file is; the value ends its name."""

    CSV = "csv"
    JSON_LINES = "jsonl"


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What is to be written. ``about`` tells the record what was asked for."""

    account: UUID
    wanted: LogFilter
    format: Format
    why: Why
    about: str
    words: LogWords
    zone: tzinfo


@dataclass
class Export:
    """One export: how far it is. ``failed``: nothing was taken out."""

    id: str
    wish: ExportWish
    begun_at: datetime
    expected: int | None = None
    """Rows there will be; None: more than were counted, or nobody knows."""
    rows: int = 0
    done_at: datetime | None = None
    failed: bool = False
    cut: bool = False
    """There are more rows than a file may have."""
    file: BinaryIO | None = field(default=None, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.failed or self.done_at is not None


class Exports:
    """Writes one export after the other."""

    def __init__(self, log: SessionLog, auditing: Auditing, clock: Clock) -> None:
        self._log = log
        self._auditing = auditing
        self._clock = clock
        self._jobs: OrderedDict[str, Export] = OrderedDict()
        self._queue: asyncio.Queue[Export] = asyncio.Queue()

    def begin(self, wish: ExportWish) -> Export | None:
        """Begin one; None: too many wait."""
        self.forget(self._clock())
        if sum(not job.is_over for job in self._jobs.values()) >= MOST_JOBS:
            return None
        while len(self._jobs) >= MOST_JOBS:
            self._drop(next(key for key, job in self._jobs.items() if job.is_over))
        job = Export(secrets.token_urlsafe(16), wish, self._clock())
        self._jobs[job.id] = job
        self._queue.put_nowait(job)
        return job

    def find(self, key: str, account: UUID) -> Export | None:
        """Return one of the account's own."""
        self.forget(self._clock())
        job = self._jobs.get(key)
        return job if job is not None and job.wish.account == account else None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            job = await self._queue.get()
            try:
                await self._write(job)
            except (DatabaseUnavailableError, OSError):
                _fail(job)
            except Exception as problem:  # noqa: BLE001 - one export's fault must not end the desk
                # No text of it: it could hold what a row holds.
                _log.error("export_broken", problem=type(problem).__name__)
                _fail(job)

    def size(self, job: Export) -> int:
        """Return how many bytes are in the file."""
        return 0 if job.file is None else os.fstat(job.file.fileno()).st_size

    async def read(self, job: Export) -> AsyncIterator[bytes]:
        """Give what is in the file of an export that is done; a reader's own place in it."""
        if job.file is None:
            return
        at = 0
        while chunk := await asyncio.to_thread(_chunk, job.file, at):
            yield chunk
            at += len(chunk)

    async def _write(self, job: Export) -> None:
        wish = job.wish
        job.expected = await self._count(wish.wanted)
        job.file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the job
        await asyncio.to_thread(job.file.write, _begin(wish).encode())
        async for rows in self._pages(job):
            text = "".join(_lines(wish, rows))
            await asyncio.to_thread(job.file.write, text.encode())
            job.rows += len(rows)
        await asyncio.to_thread(job.file.flush)
        now = self._clock()
        about = f"{wish.format} {wish.about}"
        await self._auditing.write(wish.why, Act.EXPORT, about, job.rows, now)
        job.done_at = now

    async def _count(self, wanted: LogFilter) -> int | None:
        """Count for the sake of the progress bar alone: without it the export is made as well."""
        try:
            found = await self._log.count(wanted, MOST_COUNTED)
        except DatabaseUnavailableError:
            return None
        return found if found < MOST_COUNTED else None

    async def _pages(self, job: Export) -> AsyncIterator[list[LoggedSession]]:
        after: Cursor | None = None
        while True:
            most = min(AT_ONCE, MOST_ROWS - job.rows)
            page = list(await self._log.page(job.wish.wanted, after, most + 1))
            job.cut = len(page) > most and most < AT_ONCE
            rows = page[:most]
            if rows:
                yield rows
                after = rows[-1].cursor
            if len(page) <= most or job.cut or most == 0:
                return

    def forget(self, now: datetime) -> None:
        """Drop what is old."""
        for key, job in list(self._jobs.items()):
            if job.is_over and now - (job.done_at or job.begun_at) > KEPT:
                self._drop(key)

    def _drop(self, key: str) -> None:
        job = self._jobs.pop(key)
        if job.file is not None:
            job.file.close()


def _fail(job: Export) -> None:
    job.failed = True
    if job.file is not None:
        job.file.close()


def _begin(wish: ExportWish) -> str:
    if wish.format is Format.JSON_LINES:
        return ""
    return BYTE_ORDER_MARK + csv_line(heads(wish.words, wish.zone))


def _lines(wish: ExportWish, sessions: list[LoggedSession]) -> Iterator[str]:
    for row in map(_row, sessions):
        if wish.format is Format.CSV:
            yield csv_line(cells(row, wish.words, wish.zone))
        else:
            yield json_line(row, wish.zone)


def _row(one: LoggedSession) -> LogRow:
    return LogRow(
        began=one.started_at,
        ended=one.ended_at,
        site=one.site_id,
        access_point=write_point(one.point) if one.point else "",
        ground=one.ground,
        outcome=ONLINE if one.end_reason is None else one.end_reason.value,
        device_trace=one.device_trace,
        guest_trace=one.guest_trace,
        upload_bytes=one.upload_bytes,
        download_bytes=one.download_bytes,
        extensions=one.extensions,
        id=str(one.id),
    )


def _chunk(file: BinaryIO, at: int) -> bytes:
    """Read at a place, whatever other readers of the same file do meanwhile."""
    return b"" if file.closed else os.pread(file.fileno(), CHUNK_BYTES, at)
