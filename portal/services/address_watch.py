"""Asks the gate which ports and addresses devices have, and has it noted for complaints.

Not the giving (the gate's rules) and not what may be noted (the log obeys the sites' levels). The
rule to keep: nobody waits for it. What it misses makes an answer less certain, never wrong.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Never

from portal.services.ports import Clock, DatabaseUnavailableError, GateUnavailableError
from portal.services.ports.address_log import AddressGiver, AddressLog

LOOK_EVERY_S = 15.0
SETTLE_S = 1.0
"""After a session began, so that many beginning are one look. Who is gone again within it leaves no
trace here."""


@dataclass(slots=True)
class AddressWatch:
    """``public``: the addresses under which guests appear, as configured."""

    gate: AddressGiver
    log: AddressLog
    public: Sequence[IPv4Address | IPv6Address]
    clock: Clock
    changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def work(self) -> Never:
        """Look soon after each change of a session, and every LOOK_EVERY_S, for ever."""
        while True:
            with suppress(DatabaseUnavailableError, GateUnavailableError):
                await self.look(self.clock())
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self.changed.wait()
            self.changed.clear()
            await asyncio.sleep(SETTLE_S)

    async def look(self, now: datetime) -> None:
        """Ask and note.

        Raises:
            GateUnavailableError: nothing was asked.
            DatabaseUnavailableError: nothing was noted.
        """
        given = await self.gate.addresses()
        if given.ports or given.addresses:
            await self.log.note(given, self.public, now)
