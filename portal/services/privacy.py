"""Tells the database what may be written down at each site, once a process has started.

Not what follows from it (the database obeys wherever history is written). The rule to keep: told
until it was heard, and then no more, since another node may know better.
"""

import asyncio
from collections.abc import Mapping

import structlog

from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.privacy import PrivacyLevels

RETRY_S = 2.0

_log = structlog.get_logger()


async def tell_levels(told: PrivacyLevels, levels: Mapping[SiteId, PrivacyLevel]) -> None:
    """Tell the sites' levels; wait for a database that is away."""
    while True:
        try:
            await told.tell(levels)
        except DatabaseUnavailableError:
            await asyncio.sleep(RETRY_S)
        else:
            _log.info("privacy_levels_told", levels={key: int(one) for key, one in levels.items()})
            return
