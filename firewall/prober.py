"""Asks devices for a sign of life, at a pace that neither this machine nor the air notices.

Not the frames (probes.py) and not the answers (listener.py hears them). Fails by asking less: a
frame that cannot be sent is forgotten, and a device that does not answer may be asleep.
The rule to keep: a device waits in the queue once, however often it is asked for.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from firewall.listener import Listener
from firewall.probes import Sources, Target, encode_probe

FRAMES_PER_SECOND = 500
"""10,000 devices with two addresses are asked within 40 s."""
_TURN_S = 0.02
_TURN_FRAMES = int(FRAMES_PER_SECOND * _TURN_S)


class Prober:
    """The queue, and the task that works it off."""

    def __init__(self, listener: Listener, targets_max: int) -> None:
        self._listener = listener
        self._targets_max = targets_max
        self._waiting: OrderedDict[Target, None] = OrderedDict()
        self._sources = Sources({})
        self._wanted = asyncio.Event()

    def ask(self, targets: Iterable[Target], sources: Sources) -> None:
        """Put targets at the end of the queue; `sources` are our own addresses."""
        self._sources = sources
        for target in targets:
            if len(self._waiting) >= self._targets_max:
                break
            self._waiting.setdefault(target)
        if self._waiting:
            self._wanted.set()

    async def work(self) -> None:
        """Send for ever, a few frames at a time."""
        while True:
            await self._wanted.wait()
            self._send_some()
            if not self._waiting:
                self._wanted.clear()
            await asyncio.sleep(_TURN_S)

    def _send_some(self) -> None:
        macs: dict[str, bytes | None] = {}
        for _ in range(min(_TURN_FRAMES, len(self._waiting))):
            target, _ = self._waiting.popitem(last=False)
            name = target.interface
            if name not in macs:
                macs[name] = self._listener.mac(name)
            mac, source = macs[name], self._sources.choose(name, target.address)
            if mac and source:
                self._listener.send(name, encode_probe(mac, source, target))
