"""The doorkeeper: devices the gate has seen and does not let through, taken a hundred at a time.

Not the decision (returning.py) and not the listening (portal/gate_watch.py). The rule to keep: a
flood of made-up addresses costs a bounded memory and a bounded number of questions a second.
"""

import asyncio
from datetime import datetime
from typing import Never

import structlog

from portal.domain.identity import Device, MacAddress
from portal.services.doors import STORE_ERRORS
from portal.services.ports import Clock, GateUnavailableError
from portal.services.ports.keeping import Places
from portal.services.returning import MOST_AT_ONCE, Returning
from portal.services.strangers import Strangers

MOST_WAITING = 5_000
"""Devices. A newer sight is worth more than an old one: that device asks now."""

PAUSE_S = 0.02
"""Between two questions: at most fifty a second, of a hundred devices each."""

RETRY_S = 1.0

_log = structlog.get_logger()


class Doorkeeper:
    """``see`` is called by whoever hears of a device; ``work`` lets in those that may."""

    def __init__(self, returning: Returning, places: Places, clock: Clock) -> None:
        self._returning = returning
        self._places = places
        self._clock = clock
        self._waiting: dict[MacAddress, Device] = {}
        self._moved: dict[MacAddress, Device] = {}
        self._strangers = Strangers()
        self._somebody = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many devices wait to be looked for."""
        return len(self._waiting)

    def see(self, device: Device, *, moved: bool = False) -> None:
        """Have the device looked for soon; one that was not found a moment ago is passed over.

        ``moved``: it is let through already, and turned up at another site of this gateway.
        """
        if moved and len(self._moved) < MOST_WAITING:
            self._moved[device.mac] = device
        if self._strangers.has(device.mac, asyncio.get_running_loop().time()):
            return
        self._waiting.pop(device.mac, None)
        if len(self._waiting) >= MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[device.mac] = device
        self._somebody.set()

    def forget_strangers(self) -> None:
        """Look for everybody again: some session began or ended, here or at another node."""
        self._strangers = Strangers()

    async def work(self) -> Never:
        """Let in whoever may return, for ever."""
        while True:
            await self._somebody.wait()
            try:
                await self.let_in()
            except (GateUnavailableError, *STORE_ERRORS) as problem:
                _log.warning("returning_devices_wait", reason=type(problem).__name__)
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(PAUSE_S)

    async def let_in(self) -> None:
        """Look for the devices that have waited longest, and let in those that may return.

        Raises:
            DatabaseUnavailableError: they go on waiting.
            GateUnavailableError: the same.
            KeyRingError: the same.
        """
        batch = dict(list(self._waiting.items())[:MOST_AT_ONCE])
        now = self._clock()
        await self._note_moves(now)
        found = await self._returning.recognise(list(batch.values()), now)
        for recognised in found.values():
            await self._returning.let_in(recognised, now)
        now_s = asyncio.get_running_loop().time()
        for mac, device in batch.items():
            if self._waiting.get(mac) is device:
                del self._waiting[mac]
            if mac not in found:
                self._strangers.add(mac, now_s)
        if not self._waiting:
            self._somebody.clear()

    async def _note_moves(self, now: datetime) -> None:
        """Tell where devices went; one that is at two places at once makes an alarm."""
        moved, self._moved = self._moved, {}
        for site_id in {device.site_id for device in moved.values()}:
            macs = [mac for mac, device in moved.items() if device.site_id == site_id]
            for session_id in await self._places.place(macs, site_id, now):
                _log.warning("device_at_two_places", session=str(session_id))
