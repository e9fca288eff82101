"""Whether the library's internet connection is up: one picture from single looks.

Not the looking (portal/uplink.py). The rule to keep: one miss is no outage, one good look ends it,
and an outage has lasted since its first miss.
"""

from dataclasses import dataclass
from datetime import datetime

MISSES_TO_BE_DOWN = 2


@dataclass(frozen=True, slots=True)
class Uplink:
    """What is known. ``missed_since`` is when the first look failed of those in a row."""

    misses: int = 0
    missed_since: datetime | None = None

    @property
    def down_since(self) -> datetime | None:
        """Since when it has been down; None: it is up."""
        return self.missed_since if self.misses >= MISSES_TO_BE_DOWN else None


def see(uplink: Uplink, now: datetime, *, works: bool) -> Uplink:
    """Add one look; a clock set back makes no outage longer."""
    if works:
        return Uplink()
    first = now if uplink.missed_since is None else min(uplink.missed_since, now)
    return Uplink(uplink.misses + 1, first)
