"""Work that is done again and again: a round that goes wrong is told, and the next one comes."""

import asyncio

import pytest
from structlog.testing import capture_logs

from portal.services.ports import DatabaseUnavailableError
from portal.services.repeating import repeat


async def test_what_goes_wrong_ends_its_own_round_only() -> None:
    rounds: list[Exception | None] = [DatabaseUnavailableError("away"), ValueError("secret"), None]
    done = asyncio.Event()

    async def work() -> None:
        if not rounds:
            done.set()
        elif (problem := rounds.pop(0)) is not None:
            raise problem

    with capture_logs() as logs:
        task = asyncio.create_task(repeat(work, 0.001, "nothing_done"))
        await asyncio.wait_for(done.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [(one["log_level"], one["event"], one["reason"]) for one in logs] == [
        ("debug", "nothing_done", "away"),
        ("error", "nothing_done", "ValueError"),
    ]
