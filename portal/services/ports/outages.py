"""The door to outages of the uplink: for how long sessions were not charged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from portal.domain.identity import SiteId


class Outages(Protocol):
    """One outage a site at most. Every method raises DatabaseUnavailableError."""

    async def count(
        self, since: datetime, now: datetime, latest: Mapping[SiteId, datetime]
    ) -> None:
        """Prolong the sessions with a time limit at these sites for the outage until now.

        ``since`` is when the outage began as this node saw it; ``latest`` is each site's latest
        end for anybody. Whoever counted before, on whatever node: no moment counts twice.
        """
        ...

    async def close(self, ended_at: datetime, latest: Mapping[SiteId, datetime]) -> int:
        """End the open outages of these sites: count the rest, and write the event of each.

        Return how many there were.
        """
        ...
