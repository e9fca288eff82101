"""Tells the database what this node's file lets be written down at each site, again and again.

Not what follows from it (the database obeys wherever history is written). The rules to keep: of
nodes whose files differ the stricter holds, whoever told last, and somebody is told of it; a node
that is no more is forgotten after a day, which is why the others go on telling.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Never

import structlog

from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.privacy import PrivacyLevels

RETRY_S = 2.0
AGAIN_S = 600.0

_log = structlog.get_logger()


async def keep_telling(told: PrivacyLevels, levels: Mapping[SiteId, PrivacyLevel]) -> Never:
    """Tell the sites' levels for ever."""
    differing = frozenset[SiteId]()
    while True:
        before, differing = differing, frozenset(await tell_levels(told, levels))
        if differing - before:
            _log.warning("privacy_levels_differ", sites=sorted(differing), holds="the strictest")
        await asyncio.sleep(AGAIN_S)


async def tell_levels(
    told: PrivacyLevels, levels: Mapping[SiteId, PrivacyLevel]
) -> Collection[SiteId]:
    """Tell the sites' levels; wait for a database that is away. Return where nodes differ."""
    while True:
        try:
            differing = await told.tell(levels)
        except DatabaseUnavailableError:
            await asyncio.sleep(RETRY_S)
        else:
            _log.info("privacy_levels_told", levels={key: int(one) for key, one in levels.items()})
            return differing
