"""PDFs that are being made, and those that wait to be fetched.

Not the typesetting (portal/slips/pdf.py). The rules to keep: a job is its maker's alone; what is in
it stays in memory, for minutes; and there are never more than a few.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.slip import Slip
from portal.slips.pdf import NoPdf, PdfMaker
from portal.slips.sheet import Printing, page_count

KEPT = timedelta(minutes=10)
MOST_JOBS = 20
"""Half a megabyte each for a thousand slips."""


@dataclass(frozen=True, slots=True)
class PdfWish:
    """What is to be made; ``name`` is the file's, ``back`` where it was asked for."""

    account: UUID
    name: str
    back: str
    slips: Sequence[Slip] = field(repr=False)
    printing: Printing


@dataclass
class Job:
    """One PDF: how far it is, and what came of it."""

    id: str
    wish: PdfWish | None = field(repr=False)
    """None once it is done: what was in it is in the result alone."""
    account: UUID
    name: str
    back: str
    begun_at: datetime
    pages: int
    done: int = 0
    result: bytes | NoPdf | None = field(default=None, repr=False)


class PdfJobs:
    """Makes one PDF after the other, each with all cores."""

    def __init__(self, maker: PdfMaker) -> None:
        self._maker = maker
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: asyncio.Queue[Job] = asyncio.Queue()

    def begin(self, wish: PdfWish, now: datetime) -> Job | None:
        """Begin one; None: too many wait."""
        self._forget(now)
        if sum(job.result is None for job in self._jobs.values()) >= MOST_JOBS:
            return None
        while len(self._jobs) >= MOST_JOBS:
            done = next(key for key, job in self._jobs.items() if job.result is not None)
            del self._jobs[done]
        pages = page_count(wish.printing.target, len(wish.slips))
        key = secrets.token_urlsafe(16)
        job = Job(key, wish, wish.account, wish.name, wish.back, now, pages)
        self._jobs[key] = job
        self._queue.put_nowait(job)
        return job

    def find(self, key: str, account: UUID, now: datetime) -> Job | None:
        """Return one of the account's own."""
        self._forget(now)
        job = self._jobs.get(key)
        return job if job is not None and job.account == account else None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._make(await self._queue.get())

    async def _make(self, job: Job) -> None:
        def progress(done: int, _all: int) -> None:
            job.done = done

        wish, job.wish = job.wish, None
        if wish is not None and job.id in self._jobs:
            job.result = await self._maker.make(wish.slips, wish.printing, progress)

    def _forget(self, now: datetime) -> None:
        for key, job in list(self._jobs.items()):
            if now - job.begun_at > KEPT:
                del self._jobs[key]
