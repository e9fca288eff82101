"""Group commit: what comes while others are being written is written together, without any timer.

Not what is written (responder.py). The rule to keep: who comes alone waits for nobody, and a group
begins beside another one only when it is as large. So one in work hides the time that the other
takes on disk, and under load there are few large groups, not many small ones.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Groups(Generic[T]):
    """Takes with ``add``, and has groups written while ``run`` runs, so many ``beside`` others.

    ``write`` must not raise: what becomes of its group is its own affair. ``most``: of one group.
    """

    def __init__(
        self, write: Callable[[Sequence[T]], Awaitable[None]], most: int, beside: int
    ) -> None:
        self._write = write
        self._most = most
        self._beside = beside
        self._waiting: deque[T] = deque()
        self._writing = 0
        self._written_now = 0
        self._is_due = False
        self._tasks: asyncio.TaskGroup | None = None

    def add(self, one: T) -> None:
        """Have one written, with what else this turn of the loop brings."""
        self._waiting.append(one)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._begin)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                self._begin()
                await asyncio.get_running_loop().create_future()
            finally:
                self._tasks = None

    def _begin(self) -> None:
        self._is_due = False
        while self._tasks is not None and self._may_begin():
            count = min(len(self._waiting), self._most)
            group = [self._waiting.popleft() for _ in range(count)]
            self._writing += 1
            self._written_now += count
            self._tasks.create_task(self._see_through(group), name="write group")

    def _may_begin(self) -> bool:
        if not self._writing:
            return bool(self._waiting)
        least = min(self._written_now, self._most)
        return self._writing <= self._beside and len(self._waiting) >= least

    async def _see_through(self, group: Sequence[T]) -> None:
        await self._write(group)
        self._writing -= 1
        self._written_now -= len(group)
        self._begin()
