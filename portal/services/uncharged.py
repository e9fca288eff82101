"""Time that is not charged: while the internet is away, sessions with a time limit run on.

Not the watching (uplink.py). The rule to keep: how far has been counted stands in the database, so
that neither a restart nor a second node counts a moment twice; closing time stays closing time.
"""

from collections.abc import Mapping
from datetime import datetime

import structlog

from portal.domain.admission import latest_end
from portal.domain.identity import SiteId
from portal.domain.site import Site
from portal.domain.uplink import Uplink
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.outages import Outages

COUNT_EVERY_S = 10.0
"""Whoever has less left than this when the outage begins may still be cut off."""

_log = structlog.get_logger()


class Uncharged:
    """One node's account. ``follow`` is told of every look at the uplink."""

    def __init__(self, outages: Outages, sites: Mapping[SiteId, Site]) -> None:
        self._outages = outages
        self._sites = sites
        self._counted_at: datetime | None = None
        self._returned_at: datetime | None = None
        self._may_be_open = True
        """One may have begun before this process."""

    async def follow(self, state: Uplink, now: datetime) -> None:
        """Count while the uplink is down, and close the account when it is back.

        A database that is away is asked again the next time; nothing is lost by that.
        """
        try:
            if state.down_since is not None:
                await self._count(state.down_since, now)
            elif self._may_be_open and not state.misses:
                await self._close(now)
        except DatabaseUnavailableError as error:
            _log.warning("store_failed", during="uplink_outage", reason=str(error))

    async def _count(self, since: datetime, now: datetime) -> None:
        self._may_be_open, self._returned_at = True, None
        last = self._counted_at
        if last is not None and 0 <= (now - last).total_seconds() < COUNT_EVERY_S:
            return
        await self._outages.count(since, now, self._latest(now))
        self._counted_at = now

    async def _close(self, now: datetime) -> None:
        """The outage ended when that was first seen, however long the database stays away."""
        self._returned_at = self._returned_at or now
        closed = await self._outages.close(self._returned_at, self._latest(now))
        self._may_be_open, self._counted_at, self._returned_at = False, None, None
        if closed:
            _log.info("uplink_outage_counted", sites=closed)

    def _latest(self, now: datetime) -> Mapping[SiteId, datetime]:
        """Return each site's latest end; where it is closed nobody stays longer."""
        return {site_id: latest_end(site, now) or now for site_id, site in self._sites.items()}
