"""The door to how things stand, in numbers: for the machines that watch, and for the live page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.domain.identity import SiteId


@dataclass(frozen=True, slots=True)
class OpenFaults:
    """Reports of one site that are not fixed."""

    count: int
    unseen: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand. A site or kind that is not named has none.

    ``alarms`` are those of the last hour, by site ("": the whole installation) and kind of event.
    """

    online: Mapping[SiteId, int]
    faults: Mapping[SiteId, OpenFaults]
    alarms: Mapping[tuple[SiteId, str], int]


class FigureStore(Protocol):
    """Numbers of the whole installation."""

    async def read(self, now: datetime) -> Figures:
        """Return how things stand.

        Raises:
            DatabaseUnavailableError: nobody knows.
        """
        ...
