"""Lets what was found and taken out go when its time is over, also where nobody asks for it again.

Not the keeping itself (findings.py, exports.py). The rule to keep: it ends with the process only.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Never, Protocol

from portal.services.ports import Clock

SWEEP_EVERY_S = 60.0
"""So "ten minutes" is eleven at most."""


class Forgetful(Protocol):
    """What keeps things for some minutes."""

    def forget(self, now: datetime) -> None:
        """Let go what is old."""
        ...


async def forget_in_time(
    keepers: Sequence[Forgetful], clock: Clock, every_s: float = SWEEP_EVERY_S
) -> Never:
    """Sweep for ever."""
    while True:
        await asyncio.sleep(every_s)
        for keeper in keepers:
            keeper.forget(clock())
