"""The threshold: is the device whose probe was redirected one that may come back?

The keeper lets most of them in before they ask anything; this is for the one whose first packet
was its probe. The rule to keep: nobody waits longer than PATIENCE_S, nobody at all while a
neighbour is slow or away, and a stranger is looked for once in ten seconds, together with others.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Never

import structlog

from portal.domain.identity import Device
from portal.services.doors import STORE_ERRORS
from portal.services.first_sight import FirstSight
from portal.services.ports import Clock, Gate, GateUnavailableError
from portal.services.returning import MOST_AT_ONCE, Recognised, Returning
from portal.services.strangers import Strangers

PATIENCE_S = 0.15
"""A phone gives its probe 3 s; a thousand of them must not wait for a slow neighbour."""

REST_S = 1.0
"""After a neighbour did not answer nobody is looked for."""

MOST_WAITING = 1_000
"""Addresses."""

_log = structlog.get_logger()

_Answer = asyncio.Future[Recognised | None]


class Threshold:
    """``recognise`` and ``welcome`` are a request's; ``work`` is a task of its own.

    ``gate`` is a connection that no login waits for. ``first_sight`` learns of strangers.
    """

    def __init__(
        self,
        gate: Gate,
        returning: Returning,
        clock: Clock,
        first_sight: FirstSight | None = None,
    ) -> None:
        self._gate = gate
        self._returning = returning
        self._clock = clock
        self._first_sight = first_sight or FirstSight()
        self._waiting: dict[str, _Answer] = {}
        self._somebody = asyncio.Event()
        self._strangers = Strangers()
        self._asking_since: float | None = None
        self._rests_until = 0.0

    async def recognise(self, ip: str) -> Recognised | None:
        """Return the device behind an address if it may be let in unasked; soon, or not at all."""
        now_s = asyncio.get_running_loop().time()
        if self._strangers.has(ip, now_s) or self._is_slow(now_s):
            return None
        answer = self._ask(ip)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.shield(answer)
        return None

    async def welcome(self, ip: str, found: Recognised) -> None:
        """Open the gate. Who cannot be let in meets the page next time, like a stranger."""
        try:
            await self._returning.let_in(found, self._clock())
        except (GateUnavailableError, *STORE_ERRORS) as problem:
            _log.warning("returning_device_waits", reason=type(problem).__name__)
            self._strangers.add(ip, asyncio.get_running_loop().time())

    async def work(self) -> Never:
        """Answer those who wait, for ever."""
        while True:
            await self._somebody.wait()
            self._somebody.clear()
            while self._waiting:
                await self._answer_some()

    def _is_slow(self, now_s: float) -> bool:
        since = self._asking_since
        busy = since is not None and now_s - since > PATIENCE_S
        return busy or now_s < self._rests_until or len(self._waiting) >= MOST_WAITING

    def _ask(self, ip: str) -> _Answer:
        if ip not in self._waiting:
            self._waiting[ip] = asyncio.get_running_loop().create_future()
            self._somebody.set()
        return self._waiting[ip]

    async def _answer_some(self) -> None:
        clock = asyncio.get_running_loop().time
        ips = list(self._waiting)[:MOST_AT_ONCE]
        self._asking_since = clock()
        try:
            found = await self._look_for(ips)
        except (GateUnavailableError, *STORE_ERRORS):
            found, self._rests_until = {}, clock() + REST_S
        self._asking_since = None
        for ip in ips:
            known = found.get(ip)
            if known is None:
                self._strangers.add(ip, clock())
            self._waiting.pop(ip).set_result(known)

    async def _look_for(self, ips: Sequence[str]) -> Mapping[str, Recognised]:
        clock = asyncio.get_running_loop().time
        devices: dict[str, Device] = {}
        for ip in ips:
            device = await self._gate.identify(ip)
            if device is not None and not self._strangers.has(device.mac, clock()):
                devices[ip] = device
        if not devices:
            return {}
        known = await self._returning.recognise(list(devices.values()), self._clock())
        for device in devices.values():
            if device.mac not in known:
                self._strangers.add(device.mac, clock())
                self._first_sight.note(device.mac, self._clock())
        return {ip: known[device.mac] for ip, device in devices.items() if device.mac in known}
