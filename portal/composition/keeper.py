"""Composes the keeper's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog

from portal import settings
from portal.clock import machine_start, read_clocks, utc_now
from portal.composition.database import dsn, key_directory, spool_directory
from portal.composition.doors import compose_doors
from portal.composition.forwarding import (
    compose_audit_letters,
    compose_fault_telling,
    compose_forwarding,
    start_forwarding,
)
from portal.composition.gate import gate_client, open_gate
from portal.composition.health import make_registry, serve_health_in_time
from portal.composition.keeper_health import (
    compose_keeper_health,
    compose_reporting,
    observe_keeper,
)
from portal.composition.purging import compose_counting, compose_purging
from portal.composition.start import until_stopped
from portal.composition.uplink import uplink_account
from portal.config import Config
from portal.gate import AgentGate
from portal.gate_watch import Impostor, Seen, Watching, watch_gate
from portal.gate_watch import Notice as GateNotice
from portal.keeper import Keeper
from portal.services.address_watch import AddressWatch
from portal.services.clock_watch import ClockWatch
from portal.services.doorkeeper import Doorkeeper
from portal.services.doors import Doors
from portal.services.key_ring import KeyRing
from portal.services.ports import DatabaseUnavailableError, Event, EventKind, Events, Gate
from portal.services.ports.observing import KeeperObserver
from portal.services.presence import PresenceWatch
from portal.services.privacy import keep_telling
from portal.services.reconcile import Reconciliation
from portal.services.return_tickets import ReturnTickets
from portal.services.returning import Returning
from portal.snapshot_file import SnapshotFile
from portal.storage.address_log import PostgresAddressLog
from portal.storage.clocks import PostgresClocks
from portal.storage.database import Database, Deadlines
from portal.storage.notifications import Notice, Resync, listen
from portal.storage.privacy import PostgresPrivacy
from portal.storage.replay import Replay
from portal.storage.sessions import PostgresSessions
from portal.storage.sightings import PostgresSightings
from portal.storage.spool import DiskSpool

_log = structlog.get_logger()

PATIENT = Deadlines(connect_s=1.5, statement_s=20.0)
"""A jump of the clock moves every session of the site in one statement."""


async def run_keeper(config: Config) -> None:
    """Run the keeper until SIGTERM."""
    address, keys = dsn(config), KeyRing(key_directory(config))
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        database = await enter(Database(address, size=3, name="kvar keeper"))
        patient = await enter(Database(address, size=1, deadlines=PATIENT, name="kvar keeper"))
        aside = await enter(Database(address, size=2, name="kvar keeper"))  # nobody waits for it
        # each purpose has a client of its own: a whole comparison must not keep anybody waiting
        gate, opened, looked = [await enter(open_gate(config)) for _ in range(3)]
        watched, asked = [await enter(gate_client(config)) for _ in range(2)]
        doors = compose_doors(config, database, opened, keys, None)
        reconciliation = _reconciliation(config, database, gate, doors)
        registry = make_registry("keeper")
        in_step = partial(_is_in_step, reconciliation)
        observer = observe_keeper(registry, in_step)
        clock = ClockWatch(PostgresClocks(patient), doors.sites, read_clocks, machine_start())
        counting = compose_counting(config, aside, keys)
        purging = compose_purging(config, database, keys, counting)
        keeper = Keeper(reconciliation, purging, clock, observer)
        doorkeeper = Doorkeeper(Returning(doors), PostgresSightings(database), utc_now)
        forwarding = compose_forwarding(config, aside)
        group = await enter(until_stopped())
        if settings.has_gate(config):
            notices = watch_gate(watched)
            group.create_task(
                _hear_gate(notices, keeper, doorkeeper, doors.events), name="hear gate"
            )
            presence = _presence(config, database, looked, ReturnTickets(doors))
            group.create_task(keeper.keep_presence(presence), name="keep presence")
        addresses = AddressWatch(
            AgentGate(asked), PostgresAddressLog(aside), settings.public_addresses(config), utc_now
        )
        if settings.logged_sites(config):
            group.create_task(addresses.work(), name="note addresses")
        levels = keep_telling(PostgresPrivacy(database), settings.privacy_levels(config))
        group.create_task(levels, name="privacy levels")
        group.create_task(uplink_account(config, database).watch(), name="uplink")
        group.create_task(doorkeeper.work(), name="let in who returns")
        told = _told(listen(address), doorkeeper, observer, addresses)
        group.create_task(keeper.hear(told), name="hear")
        reporting = compose_reporting(config, aside, asked, in_step)
        group.create_task(reporting.work(), name="report")
        telling = compose_fault_telling(config, aside)
        if telling is not None:
            group.create_task(telling.work(), name="tell of faults")
        letters = compose_audit_letters(config, aside)
        if letters is not None:
            group.create_task(letters.work(), name="weekly letter")
        more = start_forwarding(group, forwarding, registry, aside)
        answers = compose_keeper_health(config, registry, aside, asked, more)
        serving = serve_health_in_time(answers, "keeper", config.keeper.health_port)
        group.create_task(serving, name="health")
        _start(group, keeper, config)
        group.create_task(keeper.tidy(), name="tidy")
        group.create_task(counting.work(), name="count devices")


def _is_in_step(reconciliation: Reconciliation) -> bool:
    return reconciliation.admitted is not None


def _reconciliation(config: Config, database: Database, gate: Gate, doors: Doors) -> Reconciliation:
    replay = Replay(DiskSpool(spool_directory(config)), database)
    ended = ReturnTickets(doors).ended
    return Reconciliation(
        doors.sessions, gate, list(doors.sites), replay.drain, ended, settings.gate_sites(config)
    )


def _presence(
    config: Config, database: Database, gate: Gate, tickets: ReturnTickets
) -> PresenceWatch:
    return PresenceWatch(
        PostgresSessions(database),
        PostgresSightings(database),
        gate,
        {site_id: settings.sites(config)[site_id] for site_id in settings.gate_sites(config)},
        settings.guest_interfaces(config),
        tickets.ended,
    )


def _start(group: asyncio.TaskGroup, keeper: Keeper, config: Config) -> None:
    """Start what needs nothing but the keeper itself."""
    snapshots = SnapshotFile(settings.snapshot_path(config))
    group.create_task(keeper.keep_in_step(), name="keep in step")
    group.create_task(keeper.end_on_time(), name="end on time")
    group.create_task(keeper.keep_snapshot(snapshots, utc_now), name="keep snapshot")
    group.create_task(keeper.believe_closing(), name="believe closing")


async def _hear_gate(
    notices: AsyncIterator[GateNotice], keeper: Keeper, doorkeeper: Doorkeeper, events: Events
) -> None:
    async for notice in notices:
        match notice:
            case Watching():
                keeper.compare_anew()
            case Impostor():
                await _tell_of(notice, events)
            case Seen():
                doorkeeper.see(notice.device, moved=notice.moved)


async def _tell_of(impostor: Impostor, events: Events) -> None:
    """Make an alarm. Which device it is, stands in the gate's own log and nowhere else."""
    site_id, detail = impostor.device.site_id, {"kind": impostor.kind}
    _log.warning("impostor", site=site_id, kind=impostor.kind)
    with suppress(DatabaseUnavailableError):
        await events.record(Event(EventKind.IMPOSTOR, site_id, utc_now(), detail=detail))


async def _told(
    notices: AsyncIterator[Notice],
    doorkeeper: Doorkeeper,
    observer: KeeperObserver,
    addresses: AddressWatch,
) -> AsyncIterator[Notice]:
    async for notice in notices:
        addresses.changed.set()
        doorkeeper.forget_strangers()
        if isinstance(notice, Resync):
            observer.resynced()
        yield notice
