"""Composes the keeper's process."""

from portal import settings
from portal.clock import utc_now
from portal.composition.database import dsn, key_directory
from portal.composition.gate import open_gate
from portal.composition.start import until_stopped
from portal.config import Config
from portal.keeper import Keeper
from portal.services.key_ring import KeyRing
from portal.services.reconcile import Reconciliation
from portal.storage.database import Database
from portal.storage.notifications import listen
from portal.storage.sessions import PostgresSessions
from portal.storage.upkeep import PostgresUpkeep


async def run_keeper(config: Config) -> None:
    """Run the keeper until SIGTERM."""
    address, keys = dsn(config), KeyRing(key_directory(config))
    async with Database(address, size=2, name="kvar keeper") as database, open_gate(config) as gate:
        reconciliation = Reconciliation(
            PostgresSessions(database), gate, list(settings.sites(config))
        )
        keeper = Keeper(reconciliation, PostgresUpkeep(database), utc_now)
        async with until_stopped() as group:
            group.create_task(keeper.keep_in_step(), name="keep in step")
            group.create_task(keeper.hear(listen(address)), name="hear")
            group.create_task(keeper.end_on_time(), name="end on time")
            group.create_task(keeper.tidy(settings.kept(config), keys), name="tidy")
