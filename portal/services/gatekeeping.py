"""Carrying a session to the gate: how long, how often to try, and what if it does not answer.

Not a decision on who may be online. The rule to keep: the session in the database stands whatever
the gate says; the keeper mends the difference.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime

import structlog

from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.ports import Gate, GateUnavailableError

LONGEST_S = 50 * 3600.0
"""Longer than any session of a site. By a clock that lost its battery years are left, which the
gate would refuse; the keeper tells it anew twice a minute."""

PATIENCE_S = 2.0
"""The agent restarts in well under a second; a guest waits this long for it."""

RETRY_PAUSE_S = 0.05

_log = structlog.get_logger()


def remaining_s(due_at: datetime, now: datetime) -> float:
    """Return for how long the gate should let the device through.

    No margin: the gate has its own, so that the kernel's end comes after the keeper's.
    """
    return min(max((due_at - now).total_seconds(), 0.0), LONGEST_S)


async def open_gate(gate: Gate, session: Session, now: datetime) -> bool:
    """Let the session's device through; False when the gate did not confirm within PATIENCE_S."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await gate.admit(session.mac, remaining_s(session.due_at, now))
                except GateUnavailableError:
                    await asyncio.sleep(RETRY_PAUSE_S)
                else:
                    return True
    except TimeoutError:
        _log.warning("gate_did_not_admit", session=str(session.id))
        return False


async def close_gate(gate: Gate, macs: Iterable[MacAddress]) -> None:
    """Put the devices out; what does not succeed is left to the keeper."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            for mac in macs:
                await gate.expel(mac)
    except (GateUnavailableError, TimeoutError):
        _log.warning("gate_did_not_expel")
