"""How often a process that answers thousands of requests a second looks for cycles to free.

Not what frees most memory: what stands in no cycle is gone as soon as nobody refers to it.
The rule to keep: what a process has composed lives as long as it does, and is not looked through
again and again.
"""

import gc

NEW_OBJECTS = 50_000
"""Before the youngest are looked through; Python's own 700 are some twenty-five packets. A batch of
512 records holds 15,000 objects at once, so that with less the same ones are looked through again
and again and then taken for old ones: some thirty per cent of what a record costs. About 5 MB."""


def collect_seldom() -> None:
    """Leave alone what there is now, and look for cycles among what comes, but seldom."""
    gc.collect()
    gc.freeze()
    _, middle, old = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, middle, old)
