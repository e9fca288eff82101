"""Tells the organisation's ticket system of fault reports, again of those nobody has seen.

Not the list itself, and not the form of what is sent (portal/forwarding). The rule to keep: a
ticket system that is away delays nothing else; it is told later, at least once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Never, Protocol

import structlog

from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.ports.fault_reports import Tickets, Untold

LOOK_EVERY_S = 5.0
PAUSE_S = 60.0
"""After a ticket system did not take a report."""

LEASE = timedelta(minutes=5)

_log = structlog.get_logger()


class TicketSystemUnavailableError(Exception):
    """It did not take the report."""


class TicketSystem(Protocol):
    """Where reports are told: by e-mail, by webhook."""

    async def tell(self, untold: Untold) -> None:
        """Hand over a report.

        Raises:
            TicketSystemUnavailableError: it was not taken, or nobody knows.
        """
        ...


@dataclass(slots=True)
class FaultTelling:
    """One for each node; several share the work. Every system is told of every report."""

    tickets: Tickets
    systems: Sequence[TicketSystem]
    answer_within: timedelta
    clock: Clock
    _was_well: bool = field(default=True, init=False)

    async def work(self) -> Never:
        """Tell for ever."""
        while True:
            is_well = await self.tell_all()
            await asyncio.sleep(LOOK_EVERY_S if is_well else PAUSE_S)

    async def tell_all(self) -> bool:
        """Tell all that is due; False: somebody did not take it."""
        try:
            while untold := await self.tickets.take_untold(self.clock(), LEASE, self.answer_within):
                if not await self._tell(untold):
                    await self.tickets.put_back(untold)
                    return False
                await self.tickets.told(untold, self.clock())
        except DatabaseUnavailableError:
            return False
        return True

    async def _tell(self, untold: Untold) -> bool:
        try:
            for system in self.systems:
                await system.tell(untold)
        except TicketSystemUnavailableError as problem:
            if self._was_well:
                _log.warning("fault_not_told", number=untold.ticket.number, reason=str(problem))
            self._was_well = False
            return False
        self._was_well = True
        _log.info("fault_told", number=untold.ticket.number, reminder=untold.reminder)
        return True
