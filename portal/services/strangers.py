"""A short memory of who was looked for and not found, so that nobody is looked for all the time.

Not a list of anybody: it holds for seconds, in memory. The rule to keep: bounded, whatever a flood
of made-up addresses does.
"""

REMEMBERED_S = 10.0
"""A stranger who signs in is let in by the sign-in, so forgetting may take its time."""

MOST = 20_000


class Strangers:
    """``now_s`` is on any clock that only goes forward."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, name: str, now_s: float) -> None:
        """Remember a name for REMEMBERED_S; of too many the oldest are forgotten."""
        self._until.pop(name, None)
        while len(self._until) >= MOST:
            del self._until[next(iter(self._until))]
        self._until[name] = now_s + REMEMBERED_S

    def __len__(self) -> int:
        return len(self._until)

    def has(self, name: str, now_s: float) -> bool:
        """Say whether the name was looked for in vain a moment ago."""
        until = self._until.get(name)
        if until is None:
            return False
        if now_s < until:
            return True
        del self._until[name]
        return False
