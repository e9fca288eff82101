"""Every check, side by side, each with a time of its own.

The rule to keep: a check that hangs is a finding, and holds up no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from portal.doctor.finding import Finding, failure

QUICK_S = 10.0
PATIENT_S = 45.0
"""Three probes with two kinds of message, of eight seconds each at the most."""


@dataclass(frozen=True, slots=True)
class Check:
    """One look. ``budget_s``: later, it is told to have hung."""

    name: str
    look: Callable[[], Awaitable[Sequence[Finding]]]
    budget_s: float = QUICK_S


async def examine(checks: Sequence[Check]) -> list[Finding]:
    """Make every check; the findings stand in the checks' order."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_made(check), name=check.name) for check in checks]
    return [finding for task in tasks for finding in task.result()]


async def _made(check: Check) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.budget_s):
            return await check.look()
    except TimeoutError:
        text = f"no answer within {check.budget_s:.0f} s"
        return [failure(check.name, text, "something hangs: look at what this check asks")]
