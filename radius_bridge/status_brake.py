"""How often an address may ask whether we live.

Pure; time is a parameter, in seconds of a clock that only goes forward. The rule to keep: only
judged requests are counted, so nobody uses up what is another's.
Source: RFC 5997 section 4.2, which wants a limit and names none.
"""

BURST = 10
EVERY_S = 1.0
"""Proxies ask every 5 to 30 s, and a few times faster when they look for a server that lives."""

_ADDRESSES_MAX = 10_000
"""Addresses that are remembered: all behind a client's network, at the worst."""


class StatusBrake:
    """So many status requests of an address at once, and one more every second."""

    def __init__(self) -> None:
        self._free_at_s: dict[str, float] = {}

    def allows(self, address: str, now_s: float) -> bool:
        """Say whether this one is answered, and count it."""
        free_at_s = max(now_s, self._free_at_s.get(address, now_s))
        if free_at_s - now_s > (BURST - 1) * EVERY_S:
            return False
        if len(self._free_at_s) >= _ADDRESSES_MAX:
            self._free_at_s.clear()
        self._free_at_s[address] = free_at_s + EVERY_S
        return True
