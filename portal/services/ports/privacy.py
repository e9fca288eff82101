"""The door to what is written down at each site."""

from collections.abc import Collection, Mapping
from typing import Protocol

from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel


class PrivacyLevels(Protocol):
    """What the database goes by when it writes history. Raises DatabaseUnavailableError."""

    async def tell(self, levels: Mapping[SiteId, PrivacyLevel]) -> Collection[SiteId]:
        """Say what this node's file has for its sites; return those where another node's differs.

        The strictest holds. A node counts for a day after it last told.

        A session keeps what a raised level would reveal to itself. What a lowered level does not
        allow goes at once from running sessions, and from history with the next tidying.
        """
        ...
