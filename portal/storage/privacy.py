"""The sites' privacy levels in PostgreSQL (implements services.ports.privacy.PrivacyLevels).

Not what follows from them: triggers obey wherever history is written
(migrations/0020_privacy.sql). The rule to keep: a level that is told again changes nothing, and of
two that differ the stricter holds.
"""

import socket
from collections.abc import Collection, Mapping

from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("privacy")


class PostgresPrivacy:
    """Levels by site, as one node's file has them; ``node`` is its name."""

    def __init__(self, database: Database, node: str = "") -> None:
        self._database = database
        self._node = node or socket.gethostname()

    async def tell(self, levels: Mapping[SiteId, PrivacyLevel]) -> Collection[SiteId]:
        """See services.ports.privacy.PrivacyLevels."""
        numbers = [int(one) for one in levels.values()]
        rows = await self._database.fetch(_SQL["tell"], self._node, list(levels), numbers)
        return [SiteId(row["site_id"]) for row in rows]

    async def differing(self) -> list[tuple[SiteId, str, PrivacyLevel]]:
        """Return the sites of which nodes tell different levels, with each node and its level."""
        rows = await self._database.fetch(_SQL["differing"])
        return [(SiteId(row["site_id"]), row["node"], PrivacyLevel(row["level"])) for row in rows]
