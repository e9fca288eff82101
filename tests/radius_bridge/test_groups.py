"""Group commit: alone at once, together under load, no more beside one another than allowed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from radius_bridge.groups import Groups


@dataclass
class Disk:
    """Holds each group until `finish`; `held` are those in work, `done` what was written."""

    held: list[tuple[Sequence[int], asyncio.Event]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    async def write(self, group: Sequence[int]) -> None:
        finished = asyncio.Event()
        self.held.append((group, finished))
        await finished.wait()
        self.done += group

    async def finish(self, place: int = 0) -> None:
        """Have one of those in work written, and whatever follows from that begun."""
        self.held.pop(place)[1].set()
        await settled()

    @property
    def sizes(self) -> list[int]:
        return [len(group) for group, _ in self.held]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(disk: Disk, most: int = 512, beside: int = 1) -> AsyncIterator[Groups[int]]:
    groups = Groups(disk.write, most, beside)
    task = asyncio.create_task(groups.run())
    await settled()
    yield groups
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def add(groups: Groups[int], count: int) -> None:
    for number in range(count):
        groups.add(number)
    await settled()


async def test_who_comes_alone_waits_for_nobody() -> None:
    disk = Disk()
    async with running(disk) as groups:
        await add(groups, 1)
        assert disk.sizes == [1]


async def test_what_comes_in_one_turn_is_one_group() -> None:
    disk = Disk()
    async with running(disk) as groups:
        await add(groups, 7)
        assert disk.sizes == [7]


async def test_a_group_begins_beside_another_when_it_is_as_large() -> None:
    disk = Disk()
    async with running(disk) as groups:
        await add(groups, 8)
        await add(groups, 7)
        assert disk.sizes == [8]
        await add(groups, 1)
        assert disk.sizes == [8, 8]
        await add(groups, 40)
        assert disk.sizes == [8, 8], "no third"
        await disk.finish(1)
        assert disk.sizes == [8, 40]
        await add(groups, 3)
        await disk.finish(1)
        assert disk.sizes == [8], "three wait for the eight"
        await disk.finish()
        assert disk.sizes == [3]


async def test_no_group_is_larger_than_allowed_and_all_is_written_in_the_end() -> None:
    disk = Disk()
    async with running(disk, most=5) as groups:
        await add(groups, 1)
        for number in range(1, 14):
            groups.add(number)
        await settled()
        assert disk.sizes == [1, 5]
        while disk.held:
            assert max(disk.sizes) <= 5
            await disk.finish()
        assert disk.done == list(range(1)) + list(range(1, 14))


@pytest.mark.parametrize("beside", range(3))
async def test_no_more_are_in_work_than_allowed(beside: int) -> None:
    disk = Disk()
    async with running(disk, most=2, beside=beside) as groups:
        await add(groups, 30)
        assert disk.sizes == [2] * (beside + 1)


async def test_what_comes_before_it_runs_is_written_when_it_runs() -> None:
    disk = Disk()
    groups = Groups(disk.write, 512, 1)
    await add(groups, 3)
    assert disk.held == []
    task = asyncio.create_task(groups.run())
    await settled()
    assert disk.sizes == [3]
    groups.add(4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    groups.add(5)
    await settled()
    assert disk.sizes == [3], "nothing begins after the end"
