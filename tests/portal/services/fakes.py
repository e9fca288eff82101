"""Fakes of the doors: a counting library system, a gate with a set, and stores in memory.

The stores pass the same contract tests as those of portal/storage.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from portal.domain.identity import Device, MacAddress, Secret
from portal.domain.presence import Signals
from portal.domain.verification import Verification
from portal.services.ports import GateUnavailableError


class FakeLibrary:
    """Knows a few cards, counts every question, and can be told to answer otherwise."""

    def __init__(self, **pins: str) -> None:
        self.pins = {name.removeprefix("c"): pin for name, pin in pins.items()}
        self.asked: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.answer: Verification | None = None
        self.before_answering: Callable[[], Awaitable[None]] | None = None

    async def verify(self, card: Secret, pin: Secret) -> Verification:
        self.asked[card.reveal()] += 1
        await asyncio.sleep(0)
        if self.before_answering is not None:
            await self.before_answering()
        if self.answer is not None:
            return self.answer
        if self.pins.get(card.reveal()) == pin.reveal():
            return Verification.OK
        self.wrong[card.reveal()] += 1
        return Verification.BAD_CREDENTIALS

    async def answers(self) -> bool:
        return self.answer is not Verification.UNAVAILABLE


class FakeGate:
    """A gate whose kernel is a dictionary. ``failures`` calls fail before one succeeds."""

    def __init__(self) -> None:
        self.devices: dict[MacAddress, float] = {}
        self.addresses: dict[str, Device] = {}
        self.signals: dict[MacAddress, Signals] = {}
        self.probed: Counter[MacAddress] = Counter()
        self.missing: frozenset[str] = frozenset()
        self.failures = 0
        self.before_reconciling: Callable[[], Awaitable[None]] | None = None

    async def admit(self, mac: MacAddress, remaining_s: float) -> None:
        self._maybe_fail()
        self.devices[mac] = remaining_s

    async def expel(self, mac: MacAddress) -> None:
        self._maybe_fail()
        self.devices.pop(mac, None)

    async def identify(self, ip: str) -> Device | None:
        self._maybe_fail()
        return self.addresses.get(ip)

    async def reconcile(self, devices: Sequence[tuple[MacAddress, float]]) -> int:
        self._maybe_fail()
        if self.before_reconciling is not None:
            await self.before_reconciling()
        wanted = dict(devices)
        changes = len(wanted.keys() ^ self.devices.keys())
        self.devices = wanted
        return changes

    async def usage(self) -> Mapping[MacAddress, Signals]:
        self._maybe_fail()
        return {mac: self.signals.get(mac, Signals(0, 0)) for mac in self.devices}

    async def probe(self, macs: Sequence[MacAddress]) -> None:
        self._maybe_fail()
        self.probed.update(macs)

    async def missing_interfaces(self) -> frozenset[str]:
        self._maybe_fail()
        return self.missing

    def _maybe_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise GateUnavailableError("told to fail")
