"""What was answered lately, so that a repeated request gets the same octets again.

Not a guard against replays for ever: it remembers for half a minute. Pure; time is a parameter,
in seconds of a clock that only goes forward.
The rule to keep: only a request whose authenticators were verified may enter, and memory is
bounded: a client that floods loses its own entries, not those of others.
Source: RFC 5080 sections 2.2.2 and 2.10; RFC 2865 section 2.5.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

LIFETIME_S = 30.0
"""RFC 5080 wants 5 to 30 s; an access point gives up after about 30."""
PER_CLIENT_MAX = 4096
"""Sixteen source ports with 256 identifiers each: a busy controller within the lifetime."""
TOTAL_MAX = 65_536
"""About 30 MB with replies of 200 octets."""


class RequestKey(NamedTuple):
    """What makes two requests the same but for the authenticator; `listener` names our socket."""

    client: str
    port: int
    listener: str
    code: int
    identifier: int


class Work(Enum):
    """What to do with a request that has no reply yet."""

    NEW = "new"
    """Do it, then `remember` the reply."""
    PENDING = "pending"
    """It is being done: drop the repetition."""


_NEW = Work.NEW
"""To look a member up in its class takes as long as to look into the cache."""


@dataclass(slots=True)
class _Entry:
    authenticator: bytes
    began_s: float
    reply: bytes | None = None


class DuplicateCache:
    """Requests of the last half minute, with their replies."""

    def __init__(
        self,
        lifetime_s: float = LIFETIME_S,
        per_client_max: int = PER_CLIENT_MAX,
        total_max: int = TOTAL_MAX,
    ) -> None:
        self._lifetime_s = lifetime_s
        self._per_client_max = per_client_max
        self._total_max = total_max
        self._entries: OrderedDict[RequestKey, _Entry] = OrderedDict()  # the oldest first
        self._clients: dict[str, OrderedDict[RequestKey, None]] = {}
        self._expires_at_s = float("-inf")  # not before this does any entry expire

    def __len__(self) -> int:
        return len(self._entries)

    def begin(self, key: RequestKey, authenticator: bytes, now_s: float) -> Work | bytes:
        """Say what to do with a verified request: NEW, PENDING, or send these octets again.

        The same key with another authenticator is a new request, and the old one is forgotten.
        """
        if now_s >= self._expires_at_s:
            self._expire(now_s)
        known = self._entries.get(key)
        if known is None:
            self._add(key, authenticator, now_s)
            return _NEW
        if known.authenticator == authenticator:
            return Work.PENDING if known.reply is None else known.reply
        # The new one in the place of the old: a busy access point uses its identifiers again.
        known.authenticator, known.began_s, known.reply = authenticator, now_s, None
        self._entries.move_to_end(key)
        self._clients[key.client].move_to_end(key)
        return _NEW

    def remember(self, key: RequestKey, authenticator: bytes, reply: bytes) -> None:
        """Keep the reply for repetitions; without effect when its request is forgotten."""
        entry = self._entries.get(key)
        if entry is not None and entry.authenticator == authenticator:
            entry.reply = reply

    def abandon(self, key: RequestKey, authenticator: bytes) -> None:
        """Forget a request that gets no reply, so that its repetition is done anew."""
        entry = self._entries.get(key)
        if entry is not None and entry.authenticator == authenticator:
            self._forget(key)

    def _add(self, key: RequestKey, authenticator: bytes, now_s: float) -> None:
        own = self._clients.get(key.client)
        if own is None:
            own = self._clients[key.client] = OrderedDict()
        self._entries[key] = _Entry(authenticator, now_s)
        own[key] = None
        if len(own) > self._per_client_max or len(self._entries) > self._total_max:
            # The client's oldest, or the oldest of all where this is its first.
            self._forget(next(iter(own if len(own) > 1 else self._entries)))

    def _expire(self, now_s: float) -> None:
        while self._entries:
            oldest = next(iter(self._entries))
            self._expires_at_s = self._entries[oldest].began_s + self._lifetime_s
            if now_s < self._expires_at_s:
                return
            self._forget(oldest)

    def _forget(self, key: RequestKey) -> None:
        del self._entries[key]
        own = self._clients[key.client]
        del own[key]
        if not own:
            del self._clients[key.client]
