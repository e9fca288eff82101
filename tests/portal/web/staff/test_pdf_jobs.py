"""PDFs in waiting: what is done makes room, and nothing that typesetting meets ends the work."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from portal.slips.pdf import NoPdf, PdfMaker
from portal.slips.sheet import Printing
from portal.web.staff.pdf_jobs import MOST_JOBS, PdfJobs, PdfWish
from tests.portal.slips.paper import SV
from tests.portal.slips.test_pdf import A6, FOLDER, SLIP

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
WISH = PdfWish(uuid4(), "kvar-A-0001.pdf", "/desk", [SLIP], Printing(A6, SV))


class Breaking(PdfMaker):
    """Its work fails in a way that nobody foresaw, or is broken off by another's fault."""

    fault: BaseException | None = None

    async def _make(self, *_values: object) -> bytes:
        if self.fault is not None:
            raise self.fault
        return b"%PDF-"


@pytest.mark.parametrize("fault", [OSError(11, "no more processes"), asyncio.CancelledError()])
async def test_a_fault_ends_one_pdf_and_not_the_work(fault: BaseException) -> None:
    with Breaking(FOLDER) as maker:
        jobs = PdfJobs(maker)
        async with asyncio.TaskGroup() as group:
            work = group.create_task(jobs.run())
            maker.fault = fault
            first = jobs.begin(WISH, NOW)
            assert first is not None
            while first.result is None:
                await asyncio.sleep(0)
            maker.fault = None
            second = jobs.begin(WISH, NOW)
            assert second is not None
            while second.result is None:
                await asyncio.sleep(0)
            work.cancel()
    assert (first.result, second.result) == (NoPdf.FAILED, b"%PDF-")


async def test_what_is_done_makes_room_and_what_waits_does_not() -> None:
    with Breaking(FOLDER) as maker:
        jobs = PdfJobs(maker)
        waiting = [jobs.begin(WISH, NOW) for _ in range(MOST_JOBS)]
        assert jobs.begin(WISH, NOW) is None
        assert waiting[0] is not None
        waiting[0].result = b"%PDF-"
        assert jobs.begin(WISH, NOW) is not None
        assert jobs.find(waiting[0].id, WISH.account, NOW) is None
        assert jobs.begin(WISH, NOW + timedelta(minutes=11)) is not None
