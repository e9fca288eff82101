"""Long work in parts: whoever else waits in the process is served between two of them.

Not threads: Python would not run them beside each other. The rule to keep: a part is about two
milliseconds of work.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

PART_ROWS = 200
"""Of a table, made into what we call them: 10 us each."""

_Item = TypeVar("_Item")


async def in_parts(items: Sequence[_Item]) -> AsyncIterator[Sequence[_Item]]:
    """Yield the items in parts, and let others have their turn after each."""
    for start in range(0, len(items), PART_ROWS):
        yield items[start : start + PART_ROWS]
        await asyncio.sleep(0)
