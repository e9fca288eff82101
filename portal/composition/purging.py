"""Composes the deletion of what is due, and the counting of days before they go."""

import socket
from zoneinfo import ZoneInfo

from portal import settings
from portal.clock import utc_now
from portal.config import Config
from portal.services.day_counting import DayCounting
from portal.services.key_ring import KeyRing
from portal.services.purging import Purging
from portal.storage.database import Database
from portal.storage.day_figures import PostgresDayFigures
from portal.storage.upkeep import PostgresUpkeep


def compose_counting(config: Config, database: Database, keys: KeyRing) -> DayCounting:
    """Return who counts today's devices, and closes days that are over."""
    zone = ZoneInfo(config.organisation.time_zone)
    return DayCounting(PostgresDayFigures(database), keys, zone, utc_now)


def compose_purging(
    config: Config, database: Database, keys: KeyRing, counting: DayCounting
) -> Purging:
    """Return who deletes what is due, once its days are counted."""
    kept, node = settings.kept(config), socket.gethostname()
    return Purging(PostgresUpkeep(database), keys, kept, node, counting.close)
