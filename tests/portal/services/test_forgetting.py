"""What is old goes by itself: nobody has to ask for it."""

import asyncio
import gc
import weakref
from datetime import datetime
from uuid import uuid4

from portal.services.console.findings import KEPT, Findings
from portal.services.console.forgetting import forget_in_time


class Found:
    """Something that was found."""


async def test_what_is_old_goes_without_being_asked_for(now: datetime) -> None:
    findings, swept = Findings(), asyncio.Event()
    found = Found()
    kept = weakref.ref(found)
    findings.keep(uuid4(), found, now)
    del found

    class Last:
        def forget(self, _: datetime) -> None:
            swept.set()

    sweeping = asyncio.create_task(forget_in_time([findings, Last()], lambda: now + KEPT, 0))
    assert kept() is not None
    await swept.wait()
    sweeping.cancel()
    gc.collect()
    assert kept() is None
