"""Tells the organisation's ticket system of fault reports, again of those nobody has seen.

Not the list itself, and not the form of what is sent (portal/forwarding). The rule to keep: a
ticket system that is away, or refuses a report, delays neither another system nor another report;
it is told later, at least once.
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
LEASE = timedelta(minutes=5)
"""How long a report is one node's to tell, and when one that was not taken is told anew."""

_log = structlog.get_logger()


class TicketSystemUnavailableError(Exception):
    """It did not take the report."""


class TicketSystem(Protocol):
    """Where reports are told: by e-mail, by webhook."""

    @property
    def name(self) -> str:
        """What it is called in the database: which system was told of which report."""
        ...

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
    _ailing: set[str] = field(default_factory=set, init=False)

    async def work(self) -> None:
        """Tell for ever, each system in its own time."""
        async with asyncio.TaskGroup() as group:
            for system in self.systems:
                group.create_task(self._work(system), name=f"tell faults by {system.name}")

    async def _work(self, system: TicketSystem) -> Never:
        while True:
            await self.tell_all(system)
            await asyncio.sleep(LOOK_EVERY_S)

    async def tell_all(self, system: TicketSystem) -> None:
        """Tell a system all that is due; what it does not take is due again after the lease."""
        try:
            while untold := await self._next(system):
                if await self._tell(system, untold):
                    await self.tickets.told(system.name, untold, self.clock())
        except DatabaseUnavailableError:
            return

    async def _next(self, system: TicketSystem) -> Untold | None:
        now = self.clock()
        return await self.tickets.take_untold(system.name, now, LEASE, self.answer_within)

    async def _tell(self, system: TicketSystem, untold: Untold) -> bool:
        told = {"system": system.name, "number": untold.ticket.number}
        try:
            await system.tell(untold)
        except TicketSystemUnavailableError as problem:
            if system.name not in self._ailing:
                _log.warning("fault_not_told", **told, reason=str(problem))
            self._ailing.add(system.name)
            return False
        self._ailing.discard(system.name)
        _log.info("fault_told", **told, reminder=untold.reminder)
        return True
