"""Staff's sign-in attempts in PostgreSQL (implements services.ports.staff.StaffAttempts).

Not the judgement on them (portal/domain/staff_limits.py). The rule to keep: an attempt is written
before it is judged, and counts as wrong until then.
"""

from datetime import datetime

from portal.domain.staff_limits import StaffTally
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.staff import AttemptKind, StaffReservation
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("staff_attempts")


class PostgresStaffAttempts:
    """Who tries to sign in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self, account: bytes, place: bytes, kind: AttemptKind, now: datetime
    ) -> StaffReservation:
        """See services.ports.staff.StaffAttempts."""
        row = await self._database.fetch_row(_SQL["reserve"], account, place, kind, now)
        if row is None:
            raise DatabaseUnavailableError("reserve_staff_attempt gave no row")
        tally = StaffTally(**{key: value for key, value in row.items() if key != "id"})
        return StaffReservation(row["id"], tally)

    async def settle(self, reservation_id: int, *, right: bool) -> None:
        """See services.ports.staff.StaffAttempts."""
        await self._database.fetch(_SQL["settle"], reservation_id, right)

    async def release(self, reservation_id: int) -> None:
        """See services.ports.staff.StaffAttempts."""
        await self._database.fetch(_SQL["release"], reservation_id)
