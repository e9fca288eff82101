"""Return tickets: what a session that ended by itself leaves to its device for the day.

Not the rule (portal/domain/returning.py) and not the use of one (returning.py). The rule to keep:
an end is never undone or held up for want of a ticket; who gets none meets the page.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from portal.domain.returning import ticket_for
from portal.domain.session import Session
from portal.services.doors import STORE_ERRORS, Doors

Ended = Callable[[Session, datetime], Awaitable[None]]
"""Is told of a session that has just ended, and when."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReturnTickets:
    """Writes tickets. ``ended`` is given to whoever ends sessions."""

    doors: Doors

    async def ended(self, session: Session, now: datetime) -> None:
        """Give the device of an ended session its ticket, if it leaves one; never raises."""
        site = self.doors.sites.get(session.site_id)
        if site is None:
            return
        until = site.end_of_day(session.ended_at or now)
        ticket = ticket_for(session, until)
        if ticket is None or now >= until:
            return
        try:
            trace = self.doors.keys.trace(session.mac, None, now)
            await self.doors.returns.offer(trace.device, ticket)
        except STORE_ERRORS as error:
            _log.warning("no_return_ticket", session=str(session.id), reason=str(error))
