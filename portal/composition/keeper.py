"""Composes the keeper's process."""

from collections.abc import AsyncIterator

from portal import settings
from portal.clock import utc_now
from portal.composition.database import dsn, key_directory
from portal.composition.doors import compose_doors
from portal.composition.gate import gate_client, open_gate
from portal.composition.start import until_stopped
from portal.config import Config
from portal.domain.identity import Device
from portal.gate_watch import Watching, watch_gate
from portal.keeper import Keeper
from portal.services.doorkeeper import Doorkeeper
from portal.services.key_ring import KeyRing
from portal.services.reconcile import Reconciliation
from portal.services.returning import Returning
from portal.storage.database import Database
from portal.storage.notifications import Notice, listen
from portal.storage.sessions import PostgresSessions
from portal.storage.upkeep import PostgresUpkeep


async def run_keeper(config: Config) -> None:
    """Run the keeper until SIGTERM."""
    address, keys = dsn(config), KeyRing(key_directory(config))
    async with (
        Database(address, size=2, name="kvar keeper") as database,
        open_gate(config) as gate,
        open_gate(config) as opened,  # of its own: a whole comparison must not keep anybody waiting
        gate_client(config) as watched,
    ):
        reconciliation = Reconciliation(
            PostgresSessions(database), gate, list(settings.sites(config))
        )
        keeper = Keeper(reconciliation, PostgresUpkeep(database), utc_now)
        doorkeeper = Doorkeeper(
            Returning(compose_doors(config, database, opened, keys, None)), utc_now
        )
        async with until_stopped() as group:
            group.create_task(_hear_gate(watch_gate(watched), keeper, doorkeeper), name="hear gate")
            group.create_task(doorkeeper.work(), name="let in who returns")
            group.create_task(keeper.keep_in_step(), name="keep in step")
            group.create_task(keeper.hear(_told(listen(address), doorkeeper)), name="hear")
            group.create_task(keeper.end_on_time(), name="end on time")
            group.create_task(keeper.tidy(settings.kept(config), keys), name="tidy")


async def _hear_gate(
    notices: AsyncIterator[Watching | Device], keeper: Keeper, doorkeeper: Doorkeeper
) -> None:
    async for notice in notices:
        if isinstance(notice, Watching):
            keeper.compare_anew()
        else:
            doorkeeper.see(notice)


async def _told(notices: AsyncIterator[Notice], doorkeeper: Doorkeeper) -> AsyncIterator[Notice]:
    async for notice in notices:
        doorkeeper.forget_strangers()
        yield notice
