"""Whether the desk's board changed, in PostgreSQL (implements services.ports.board.BoardMarks)."""

from datetime import datetime

from portal.domain.arrivals import NUMBER_IS_KEPT
from portal.domain.identity import SiteId
from portal.domain.voucher import DESK_LIST
from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("board")


class PostgresBoardMarks:
    """Marks of every site's board."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mark(self, site_id: SiteId, now: datetime) -> str:
        """See services.ports.board.BoardMarks."""
        values = (site_id, now, now - NUMBER_IS_KEPT, DESK_LIST)
        row = await self._database.fetch_row(_SQL["mark"], *values)
        if row is None:
            raise DatabaseUnavailableError("mark gave no row")
        return str(row["mark"])
