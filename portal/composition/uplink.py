"""Composes the looks at the uplink, and the account of its outages."""

from collections.abc import Awaitable, Callable

from portal import settings
from portal.clock import utc_now
from portal.config import Config
from portal.domain.uplink import Uplink
from portal.services.uncharged import Uncharged
from portal.services.uplink import UplinkWatch
from portal.storage.database import Database
from portal.storage.outages import PostgresOutages
from portal.uplink import Target, UplinkProbe


def uplink_probe(config: Config) -> Callable[[], Awaitable[bool]]:
    """Return the look at the uplink; with a simulated gate there is none to be looked at."""
    if not config.gate.enabled:
        return _always
    targets = [Target(host, port) for host, port in settings.uplink_targets(config)]
    return UplinkProbe(config.gate.uplink_interfaces, targets)


def uplink_account(config: Config, database: Database) -> UplinkWatch:
    """Return the keeper's watch, which keeps account of the outages."""
    uncharged = Uncharged(PostgresOutages(database), settings.sites(config))

    async def follow(state: Uplink) -> None:
        await uncharged.follow(state, utc_now())

    return UplinkWatch(uplink_probe(config), utc_now, follow)


async def _always() -> bool:
    return True
