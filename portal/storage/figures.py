"""How things stand, from PostgreSQL (implements services.ports.figures.FigureStore)."""

from datetime import datetime, timedelta

from portal.domain.forwarded_event import ALARMS
from portal.domain.identity import SiteId
from portal.services.ports.figures import Figures, OpenFaults
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("figures")

ALARM_LASTS = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(minutes=1)


class PostgresFigures:
    """Numbers of every site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, now: datetime) -> Figures:
        """See services.ports.figures.FigureStore."""
        online = await self._database.fetch(_SQL["online"], now)
        faults = await self._database.fetch(_SQL["faults"])
        window = (now - ALARM_LASTS, now + _CLOCKS_DIFFER, sorted(ALARMS))
        alarms = await self._database.fetch(_SQL["alarms"], *window)
        return Figures(
            online={SiteId(row["site_id"]): row["count"] for row in online},
            faults={
                SiteId(row["site_id"]): OpenFaults(row["count"], row["unseen"], row["oldest_at"])
                for row in faults
            },
            alarms={(SiteId(row["site_id"]), row["kind"]): row["count"] for row in alarms},
        )
