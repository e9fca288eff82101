"""What became of the datagrams: by client and reason, and who asks without being a client.

Pure; time is a parameter. The rule to keep: whoever sends datagrams must not fill the memory, so
reasons are a fixed list, clients are configured, and of strangers only the latest are kept.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

STRANGERS_MAX = 256
"""More than anybody reads; a flood from made-up addresses pushes only strangers out."""
REPORT_EVERY_S = 60.0
"""How often the same news about a client goes to the log."""


@dataclass(slots=True)
class Stranger:
    """An address that asks and is no client: mistyped here, a new access point, or an attack."""

    address: str
    first_seen: datetime
    last_seen: datetime
    count: int = 0


class Report(NamedTuple):
    """News about a client that is due in the log: so many since the last time."""

    client: str
    what: str
    times: int


class Counters:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        self._clients: dict[str, Counter[str]] = {}
        self._strangers: OrderedDict[str, Stranger] = OrderedDict()  # the longest silent first
        self._reported: dict[tuple[str, str], tuple[float, int]] = {}
        self.from_strangers = 0

    def count(self, client: str, what: str) -> None:
        """Count one for a client."""
        counts = self._clients.get(client)
        if counts is None:
            counts = self._clients[client] = Counter()
        counts[what] += 1

    def count_stranger(self, address: str, now: datetime) -> None:
        """Count a datagram from an address that is no client's."""
        self.from_strangers += 1
        stranger = self._strangers.get(address)
        if stranger is None:
            if len(self._strangers) >= STRANGERS_MAX:
                self._strangers.popitem(last=False)
            stranger = self._strangers[address] = Stranger(address, now, now)
        self._strangers.move_to_end(address)
        stranger.count += 1
        stranger.last_seen = now

    def of(self, client: str) -> Mapping[str, int]:
        """Return what was counted for a client."""
        return self._clients.get(client, Counter())

    def clients(self) -> Mapping[str, Mapping[str, int]]:
        """Return what was counted, by the names of clients."""
        return self._clients

    def strangers(self) -> tuple[Stranger, ...]:
        """Return those who asked lately and are no clients, the latest first."""
        return tuple(reversed(self._strangers.values()))

    def report(self, client: str, what: str, now_s: float) -> Report | None:
        """Return what is due in the log about this, None while the last time is not long ago."""
        count = self.of(client).get(what, 0)
        last_s, reported = self._reported.get((client, what), (float("-inf"), 0))
        if count == reported or now_s - last_s < REPORT_EVERY_S:
            return None
        self._reported[client, what] = (now_s, count)
        return Report(client, what, count - reported)
