"""The sites' privacy levels in PostgreSQL (implements services.ports.privacy.PrivacyLevels).

Not what follows from them: triggers obey wherever history is written
(migrations/0020_privacy.sql). The rule to keep: a level that is told again changes nothing.
"""

from collections.abc import Mapping

from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("privacy")


class PostgresPrivacy:
    """Levels by site."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tell(self, levels: Mapping[SiteId, PrivacyLevel]) -> None:
        """See services.ports.privacy.PrivacyLevels."""
        await self._database.fetch(_SQL["set"], list(levels), [int(one) for one in levels.values()])
