"""Sealed card numbers in PostgreSQL (implements services.ports.identities.Identities)."""

from portal.services.ports.identities import SealedIdentity
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("identities")


class PostgresIdentities:
    """Reads them; sessions.sql and courtesy.sql write them, upkeep.sql deletes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_guest(self, guest: bytes) -> SealedIdentity | None:
        """See services.ports.identities.Identities."""
        row = await self._database.fetch_row(_SQL["of_guest"], guest)
        if row is None:
            return None
        return SealedIdentity(
            bytes(row["guest"]), row["trace_key"], bytes(row["sealed"]), row["sealed_at"]
        )
