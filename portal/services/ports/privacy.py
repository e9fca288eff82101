"""The door to what is written down at each site."""

from collections.abc import Mapping
from typing import Protocol

from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel


class PrivacyLevels(Protocol):
    """What the database goes by when it writes history. Raises DatabaseUnavailableError."""

    async def tell(self, levels: Mapping[SiteId, PrivacyLevel]) -> None:
        """Set these sites' levels.

        A session keeps what a raised level would reveal to itself. What a lowered level does not
        allow goes at once from running sessions, and from history with the next tidying.
        """
        ...
