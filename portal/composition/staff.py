"""What a staff command needs: the doors of a site, who acts, and a clock time to tell."""

import os
import pwd
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from portal.composition.database import dsn, key_directory
from portal.composition.doors import compose_doors
from portal.composition.gate import open_gate
from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import SiteId
from portal.services.doors import STORE_ERRORS, Doors
from portal.services.key_ring import KeyRing
from portal.storage.database import Database


@asynccontextmanager
async def staff_doors(config: Config, site: str) -> AsyncIterator[tuple[Doors, Database]]:
    """Open the doors, for one command at one site.

    Raises:
        StartError: there is no such site.
    """
    known_sites(config, [site])
    keys = KeyRing(key_directory(config))
    async with (
        Database(dsn(config), size=1, name="kvar staff") as database,
        open_gate(config) as gate,
    ):
        yield compose_doors(config, database, gate, keys, None), database


def known_sites(config: Config, wished: Collection[str]) -> list[SiteId]:
    """Return the sites that are named.

    Raises:
        StartError: there is no such site.
    """
    known = [section.id for section in config.sites]
    for site in wished:
        if site not in known:
            raise StartError(f"no site {site!r}; the sites are {', '.join(known)}")
    return [SiteId(site) for site in wished]


@contextmanager
def database_is_there() -> Iterator[None]:
    """Say plainly that it is not.

    Raises:
        StartError: it is away.
    """
    try:
        yield
    except STORE_ERRORS as problem:
        raise StartError("the database is away; try again soon") from problem


def acting() -> str:
    """Return who acts, for the event log: the account that the command runs under."""
    return pwd.getpwuid(os.getuid()).pw_name


def clock_time(config: Config, moment: datetime) -> str:
    """Return "14:05" in the organisation's time zone."""
    return f"{moment.astimezone(ZoneInfo(config.organisation.time_zone)):%H:%M}"
