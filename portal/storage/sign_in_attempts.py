"""Sign-in attempts in PostgreSQL (implements services.ports.Attempts).

Not the judgement on them (portal/domain/sign_in_limits.py). The rule to keep: an attempt is
written before the library system is asked, and counts as wrong until its answer is written.
"""

from datetime import datetime, timedelta

from portal.domain.identity import SiteId, Subject
from portal.domain.sign_in_limits import Tally
from portal.domain.verification import Verification
from portal.services.ports import DatabaseUnavailableError, Reservation
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("sign_in_attempts")


class PostgresAttempts:
    """``memory``: how long a device that used a card counts as known for it."""

    def __init__(self, database: Database, memory: timedelta = timedelta(days=30)) -> None:
        self._database = database
        self._memory = memory

    async def reserve(
        self, card: Subject, device: Subject, site_id: SiteId, now: datetime
    ) -> Reservation:
        """See services.ports.Attempts."""
        row = await self._database.fetch_row(
            _SQL["reserve"], card, device, site_id, now, self._memory
        )
        if row is None:
            raise DatabaseUnavailableError("reserve_attempt gave no row")
        return Reservation(row["id"], Tally(**{k: v for k, v in row.items() if k != "id"}))

    async def settle(self, reservation_id: int, outcome: Verification) -> None:
        """See services.ports.Attempts."""
        await self._database.fetch(_SQL["settle"], reservation_id, outcome)

    async def release(self, reservation_id: int) -> None:
        """See services.ports.Attempts."""
        await self._database.fetch(_SQL["release"], reservation_id)
