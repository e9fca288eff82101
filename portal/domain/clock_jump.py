"""Clock jumps: how far the wall clock leapt beside the monotonic one, and what moves with it.

Not the reading of clocks. The rule to keep: a session's length does not change because somebody
set a clock; all its instants were read from the clock that jumped, so all of them move along.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.domain.session import Session

SMALLEST_JUMP = timedelta(seconds=1)
"""Less is let pass: it changes a session's end by less than a second."""

STEADY_AFTER = timedelta(minutes=10)
"""A clock that has not jumped for so long is believed about closing times again."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both clocks at one moment; ``monotonic_s`` counts since the machine started."""

    wall: datetime
    monotonic_s: float

    @property
    def started_at(self) -> datetime:
        """When the machine started, by its wall clock: constant until that clock jumps."""
        return self.wall - timedelta(seconds=self.monotonic_s)


def jump_between(before: ClockReading, after: ClockReading) -> timedelta:
    """Return how far the wall clock jumped, zero where it only went on."""
    jump = after.started_at - before.started_at
    return jump if abs(jump) >= SMALLEST_JUMP else timedelta(0)


def move(session: Session, by: timedelta) -> Session:
    """Return the session on the clock that jumped ``by``: nothing lasts longer or shorter."""
    protected = session.protected_until
    return replace(
        session,
        started_at=session.started_at + by,
        ends_at=session.ends_at + by,
        last_seen_at=session.last_seen_at + by,
        protected_until=None if protected is None else protected + by,
    )
