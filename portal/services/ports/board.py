"""The door to the desk's board: whether it changed."""

from datetime import datetime
from typing import Protocol

from portal.domain.identity import SiteId


class BoardMarks(Protocol):
    """Whether what a desk shows has changed. Every method raises DatabaseUnavailableError."""

    async def mark(self, site_id: SiteId, now: datetime) -> str:
        """Return a word that is another one whenever the board or the list of vouchers is."""
        ...
