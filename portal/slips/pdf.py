"""Slips as PDF, and as the dots of a thermal printer: the printed page through WeasyPrint.

Not the page (sheet.py). The rules to keep: typesetting runs in processes of its own, after all
others; it asks neither the network nor the disk for anything; whatever ails it is an answer,
because a browser can always print the page itself.
"""

import asyncio
import ctypes
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Self, TypeVar

import structlog

from portal.domain.slip import Slip
from portal.slips import typesetting
from portal.slips.escpos import Raster
from portal.slips.sheet import Printing, page_count
from portal.slips.typesetting import Job, NotInstalledError

MOST_SLIPS = 1_000
"""In one PDF: a batch."""

PATIENCE_S = 120.0
"""For one PDF; a thousand slips take a tenth of it on two cores."""

_CHUNK_SLIPS = 96
"""A document's slips: four sheets of 24. Larger ones show less progress and are no faster."""
_CHUNK_PAGES = 25
"""The same for papers that take one slip each."""
_DOCUMENTS_A_POOL = 200
"""Then new processes take their places, so that nothing leaks for ever. Not by
``max_tasks_per_child``: with it the pool stops for ever in Python 3.11 to 3.13 (gh-115634)."""
_CPU_S_A_PROCESS = 900
_MEMORY_BYTES = 2 * 1024**3
_NICENESS = 10
_PR_SET_PDEATHSIG = 1

Progress = Callable[[int, int], None]
"""Called with the pages that are done and all pages."""

_Made = TypeVar("_Made")

_log = structlog.get_logger()


class NoPdf(StrEnum):
    """Why there is no PDF."""

    NOT_INSTALLED = "not_installed"
    """The extra ``pdf``, or a library of the system that it needs, is not there."""
    TOO_MANY = "too_many"
    TOO_SLOW = "too_slow"
    FAILED = "failed"
    """A process died: of its own limits, or killed."""


class PdfMaker:
    """Typesets in up to ``workers`` processes, which are started when they are first needed.

    ``templates`` is the folder ``templates/slips``. Close it, or use it in a ``with``.
    """

    def __init__(
        self, templates: Path, workers: int | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._templates = templates
        self._workers = workers or os.cpu_count() or 1
        self._patience_s = patience_s
        self._pool: ProcessPoolExecutor | None = None
        self._documents = 0
        self._at_work = 0

    async def make(
        self, slips: Sequence[Slip], printing: Printing, progress: Progress | None = None
    ) -> bytes | NoPdf:
        """Return the PDF of these slips, one at least, or why there is none."""
        if len(slips) > MOST_SLIPS:
            return NoPdf.TOO_MANY
        return await self._patiently(self._make(slips, printing, progress))

    async def typeset(self, html: str) -> bytes | NoPdf:
        """Return the PDF of a page that is not of slips, or why there is none."""
        return await self._patiently(self._typeset(html))

    async def dots(self, slip: Slip, printing: Printing) -> Raster | NoPdf:
        """Return a slip as a thermal printer prints it; the target is a roll.

        Raises:
            ValueError: it is none.
        """
        if printing.target.dots is None:
            raise ValueError(f"{printing.target.name} is no roll")
        return await self._patiently(self._dots(Job(self._templates, [slip], printing)))

    def close(self) -> None:
        """End the processes; what waits is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool, self._documents = None, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _patiently(self, work: Coroutine[None, None, _Made]) -> _Made | NoPdf:
        self._at_work += 1
        try:
            async with asyncio.timeout(self._patience_s):
                return await work
        except TimeoutError:
            return _told(NoPdf.TOO_SLOW)
        except NotInstalledError:
            return _told(NoPdf.NOT_INSTALLED)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return _told(NoPdf.FAILED)  # another's fault closed the pool under it
        except Exception:  # noqa: BLE001 - a typesetter's fault must not end the desk
            _log.exception("typesetting_failed")
            self.close()
            return _told(NoPdf.FAILED)
        finally:
            self._at_work -= 1
            if self._documents >= _DOCUMENTS_A_POOL and not self._at_work:
                self.close()

    async def _make(
        self, slips: Sequence[Slip], printing: Printing, progress: Progress | None
    ) -> bytes:
        parts = await self._parts(self._jobs(slips, printing), progress)
        if len(parts) == 1:
            return parts[0]
        return await asyncio.wrap_future(self._started().submit(typesetting.join, parts))

    async def _parts(self, jobs: Sequence[Job], progress: Progress | None) -> list[bytes]:
        pages = [page_count(job.printing.target, len(job.slips)) for job in jobs]
        pool = self._started()
        self._documents += len(jobs)
        futures = [asyncio.wrap_future(pool.submit(typesetting.document, job)) for job in jobs]
        parts = []
        try:
            for number, future in enumerate(futures, start=1):
                parts.append(await future)
                if progress is not None:
                    progress(sum(pages[:number]), sum(pages))
        finally:
            for future in futures:
                future.cancel()
        return parts

    async def _typeset(self, html: str) -> bytes:
        self._documents += 1
        return await asyncio.wrap_future(self._started().submit(typesetting.typeset, html))

    async def _dots(self, job: Job) -> Raster:
        self._documents += 1
        return await asyncio.wrap_future(self._started().submit(typesetting.dots, job))

    def _jobs(self, slips: Sequence[Slip], printing: Printing) -> list[Job]:
        size = _CHUNK_SLIPS if printing.target.slips_per_page > 1 else _CHUNK_PAGES
        return [
            Job(self._templates, slips[first : first + size], printing)
            for first in range(0, len(slips), size)
        ]

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_settle,
                initargs=(os.getpid(),),
            )
        return self._pool


def _told(why: NoPdf) -> NoPdf:
    _log.warning("no_pdf", reason=why.value)
    return why


def _settle(parent: int) -> None:
    """Limit a new process: it works when nobody else wants to, and cannot eat the machine.

    It holds both ends of the pipe that it waits at, so only the kernel can tell it that whoever
    started it is gone (prctl(2)).
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)
    os.nice(_NICENESS)
    with suppress(ValueError):  # the machine's own limits are lower
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S_A_PROCESS, _CPU_S_A_PROCESS))
