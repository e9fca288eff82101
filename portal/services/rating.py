"""Counts what visitors answer to "was it easy?", by library and day.

Not the question (web/guest/rating.py). The rule to keep: a number goes up, and nothing else is
written of it.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from portal.domain.identity import SiteId
from portal.domain.month_help import Answer
from portal.services.doors import STORE_ERRORS
from portal.services.ports.day_figures import Ratings


@dataclass(frozen=True, slots=True)
class Rating:
    """``zone`` is the organisation's, by which a day begins and ends."""

    ratings: Ratings
    zone: ZoneInfo

    async def rate(self, site_id: SiteId, answer: Answer, now: datetime) -> bool:
        """Count an answer; False: the database is away."""
        try:
            await self.ratings.rate(now.astimezone(self.zone).date(), site_id, answer)
        except STORE_ERRORS:
            return False
        return True
