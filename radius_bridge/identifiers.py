"""Which Identifier a request gets, and from which of our source ports it goes.

Not the sockets: ports are numbers from 0 on. Pure; time is a parameter, in seconds of a clock that
only goes forward.
The rule to keep: towards one access point, no port repeats an Identifier within the window in which
that access point believes an Event-Timestamp; what it is told at closing time, hundreds of devices
at once, goes from further ports.
Source: RFC 5176 sections 2.3 and 6.3; RFC 5080 section 2.2.2.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

WINDOW_S = 300.0
"""RFC 5176 section 6.3."""
PORTS_MAX = 16
"""4096 requests to one access point in five minutes: more than a controller has guests to lose."""
IDENTIFIERS = 256

Peer = tuple[str, int]
"""Address and port of an access point."""


class Ticket(NamedTuple):
    """What makes a request ours: the number of our source port, and the Identifier."""

    port: int
    identifier: int


@dataclass(slots=True)
class _Book:
    """The tickets of one peer: how many there are, how many are out, and which rest until when."""

    made: int = 0
    out: int = 0
    resting: deque[tuple[float, Ticket]] = field(default_factory=deque)  # the longest rested first


class Identifiers:
    """Gives out tickets, and takes each back to rest for the window."""

    def __init__(self, window_s: float = WINDOW_S, ports_max: int = PORTS_MAX) -> None:
        self._window_s = window_s
        self._tickets_max = ports_max * IDENTIFIERS
        self._books: OrderedDict[Peer, _Book] = OrderedDict()  # the longest untouched first

    def __len__(self) -> int:
        return len(self._books)

    def take(self, peer: Peer, now_s: float) -> Ticket | None:
        """Return a ticket, None while all of this peer's are out or rest."""
        self._forget(now_s)
        book = self._books.setdefault(peer, _Book())
        self._books.move_to_end(peer)
        if book.resting and book.resting[0][0] <= now_s:
            ticket = book.resting.popleft()[1]
        elif book.made < self._tickets_max:
            ticket = Ticket(*divmod(book.made, IDENTIFIERS))
            book.made += 1
        else:
            return None
        book.out += 1
        return ticket

    def give_back(self, peer: Peer, ticket: Ticket, now_s: float) -> None:
        """Let a ticket rest: nothing more is sent under it."""
        book = self._books[peer]
        self._books.move_to_end(peer)
        book.out -= 1
        book.resting.append((now_s + self._window_s, ticket))

    def _forget(self, now_s: float) -> None:
        """Drop the books of peers to whom nothing was sent within the window."""
        while self._books:
            peer, book = next(iter(self._books.items()))
            if book.out or (book.resting and book.resting[-1][0] > now_s):
                return
            del self._books[peer]
