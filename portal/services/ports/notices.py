"""The door to the messages on guests' and staff's pages."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.notice import Notice


class Notices(Protocol):
    """Every method raises DatabaseUnavailableError."""

    async def coming(self, now: datetime) -> Sequence[Notice]:
        """Return those that are not over, at whatever library, the first to begin first."""
        ...

    async def post(self, notice: Notice) -> None:
        """Add one, and note who did."""
        ...

    async def end(
        self, notice_id: UUID, site_ids: Sequence[SiteId] | None, by: str, now: datetime
    ) -> bool:
        """End one now, and note who did; False: none at these libraries (None: at whatever)."""
        ...
