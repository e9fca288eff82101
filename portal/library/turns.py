"""Turns at a library system: so many conversations at once, so many that wait, and a deadline.

Not a conversation (sip2/client.py, rest/client.py). Fails closed: who gets no turn is UNAVAILABLE.
The rule to keep: a queue of ours is never taken for a failure of the neighbour.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

from portal.domain.verification import Verification
from portal.library.check import Checked


class NoTurn(StrEnum):
    """Why nobody answered, where the neighbour did not fail by itself."""

    DEADLINE_PASSED = "login_deadline_passed"
    QUEUE_FULL = "queue_full"
    WAITED_TOO_LONG = "waited_too_long"


class Turns:
    """Of one library system. ``login_timeout_s`` is for waiting and conversation together."""

    def __init__(
        self, maximum_connections: int, maximum_waiting: int, login_timeout_s: float
    ) -> None:
        self._places = asyncio.Semaphore(maximum_connections)
        self._maximum_waiting = maximum_waiting
        self._login_timeout_s = login_timeout_s
        self._waiting = 0

    async def take(self, talk: Callable[[], Awaitable[Checked]]) -> Checked:
        """Have the conversation when there is a place; return what it found, or why there was none.

        Raises:
            Exception: what ``talk`` raises.
        """
        monotonic_s = asyncio.get_running_loop().time
        asked_at: float | None = None
        try:
            async with asyncio.timeout(self._login_timeout_s), self.place():
                asked_at = monotonic_s()
                return await talk()
        except _QueueFullError:
            return Checked(Verification.UNAVAILABLE, NoTurn.QUEUE_FULL)
        except TimeoutError:
            return self._too_late(None if asked_at is None else monotonic_s() - asked_at)

    def _too_late(self, talked_s: float | None) -> Checked:
        """Blame the neighbour only if it had half the time: a queue of ours may have eaten it."""
        if talked_s is None:
            return Checked(Verification.UNAVAILABLE, NoTurn.WAITED_TOO_LONG)
        blamed = talked_s >= self._login_timeout_s / 2
        return Checked(Verification.UNAVAILABLE, NoTurn.DEADLINE_PASSED, neighbour_failed=blamed)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place, after waiting for it."""
        if self._places.locked() and self._waiting >= self._maximum_waiting:
            raise _QueueFullError
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()


class _QueueFullError(Exception):
    """As many as may wait are waiting."""
