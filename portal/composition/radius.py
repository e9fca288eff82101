"""Composes the RADIUS bridge's process. Its parts: radius_parts.py.

Of several workers the first has the health port, RADIUS/TLS, and tells access points; the kernel
divides what comes over UDP. SIGHUP reads the clients anew, in the other workers too: access points
that stay notice nothing.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Never
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry

from portal import metrics
from portal.access_points.controller_desk import Controlled, ControllerDesk
from portal.clock import utc_now
from portal.composition.collector import collect_seldom
from portal.composition.controllers import open_controllers
from portal.composition.database import dsn, key_directory
from portal.composition.health import expose, make_registry, serve_health
from portal.composition.library import compose_library
from portal.composition.radius_clients import bridged
from portal.composition.radius_parts import (
    Bridge,
    Databases,
    Memory,
    compose_answers,
    compose_memory,
    compose_tls,
    look_at_revoked,
    looked_at,
    tls_files,
    with_tellings,
)
from portal.composition.start import StartError, until_stopped
from portal.config import Config
from portal.config_file import ConfigError, load
from portal.config_radius import Radius
from portal.services.key_ring import KeyRing
from portal.services.ports import DatabaseUnavailableError
from portal.services.radius_presence import RadiusPresence
from portal.services.tallying import SeveralObservers, Tallying
from portal.storage.database import Database, Deadlines
from portal.storage.notifications import Notice, SessionChanged, listen
from portal.storage.statistics import PostgresStatistics
from portal.supervisor import Alive, Child, supervise
from portal.web import health
from radius_bridge.controllers.controller import Controller
from radius_bridge.datagram_exchanges import DatagramExchanges
from radius_bridge.pipeline import Service
from radius_bridge.server import Endpoint, UdpServer
from radius_bridge.tls_context import TlsFilesError, load_context

PATIENT = Deadlines(connect_s=1.5, statement_s=20.0)
"""All sessions are read in one statement."""

PRESENCE_EVERY_S = 60.0

TELL_STRANGERS_EVERY_S = 60.0
MOST_TOLD = 20
"""Strange addresses a minute in the log: a flood of made-up ones fills no disk."""

_log = structlog.get_logger()


async def run_radius(config: Config, config_file: Path, worker: int = 0) -> None:
    """Serve access points until SIGTERM; SIGHUP reads the clients anew.

    Raises:
        StartError: there are none, or a key, a secret or a port is wrong.
    """
    section = config.radius
    if section is None:
        raise StartError("no [radius] in the configuration; add it, with its clients")
    served, keys = bridged(config), KeyRing(key_directory(config))
    async with AsyncExitStack() as stack:
        databases = await _databases(config, stack)
        library = compose_library(config)
        memory = compose_memory(config, databases, keys, library)
        registry = make_registry("radius")
        tallying = _count_logins(memory, registry)
        # Before the group, which waits as it is left: what its tasks use is closed after them.
        opened = stack.enter_context(ExitStack())
        controllers = await stack.enter_async_context(open_controllers(config))
        group = await stack.enter_async_context(until_stopped())
        bridge = compose_answers(config, section, memory, keys, group)
        if worker == 0:
            bridge.exchanges = DatagramExchanges()
            opened.callback(bridge.exchanges.close)
            bridge = with_tellings(bridge, config, memory, group)
            _tell_controllers(config, controllers, memory, group)
            bridge.tls = compose_tls(section, bridge.responder)
        server = opened.enter_context(_bound(section, bridge))
        bridge.serve(served)
        workers = Alive()
        reload = partial(_reload, bridge, memory, config_file, workers)
        opened.enter_context(_on_hangup(reload))
        if library is not None:
            group.create_task(library.watch(), name="library system")
        group.create_task(tallying.work(), name="tallying")
        group.create_task(server.run(), name="udp")
        _start(group, memory, bridge)
        group.create_task(memory.picture.hear(_changes(listen(dsn(config)))), name="hear")
        if worker == 0:
            _start_first(group, section, memory, bridge, registry)
            group.create_task(supervise(_others(section, config_file), workers), name="workers")
        collect_seldom()
        _log.info("radius_served", clients=len(served.clients.all), worker=worker)


async def _databases(config: Config, stack: AsyncExitStack) -> Databases:
    enter, address = stack.enter_async_context, dsn(config)
    size = config.database.connections
    return Databases(
        await enter(Database(address, size=size, name="kvar radius")),
        await enter(Database(address, size=3, name="kvar accounting")),
        await enter(Database(address, size=1, deadlines=PATIENT, name="kvar radius")),
    )


def _tell_controllers(
    config: Config,
    controllers: Mapping[str, Controller],
    memory: Memory,
    group: asyncio.TaskGroup,
) -> None:
    """Have controllers hear of every session that ends, or gets another end."""
    known = bridged(config).access_points
    controlled = [Controlled(known[name], one) for name, one in controllers.items()]
    ControllerDesk(controlled, memory.picture, group, utc_now)


@contextmanager
def _bound(section: Radius, bridge: Bridge) -> Iterator[UdpServer]:
    """Open the ports, so that a worker that is started has them."""
    ports = {
        Service.AUTHENTICATION: section.authentication_port,
        Service.ACCOUNTING: section.accounting_port,
    }
    endpoints = [
        Endpoint(address, port, service)
        for address in section.addresses
        for service, port in ports.items()
    ]
    server = UdpServer(bridge.responder, endpoints, shares_ports=section.workers > 1)
    with ExitStack() as opened:
        try:
            opened.enter_context(server)
            if bridge.tls is not None:
                opened.enter_context(bridge.tls)
        except OSError as problem:
            raise StartError(f"[radius]: a port cannot be served: {problem}") from problem
        yield server


def _start(group: asyncio.TaskGroup, memory: Memory, bridge: Bridge) -> None:
    """Start what every worker does."""
    group.create_task(bridge.responder.run(), name="answer")
    group.create_task(memory.picture.keep(), name="keep picture")
    group.create_task(memory.places.write_for_ever(), name="write places")
    group.create_task(memory.hearing.look_for_ever(), name="hearing")
    group.create_task(memory.accounting.keep_written(), name="keep written")
    group.create_task(memory.access.look(), name="look for devices")
    group.create_task(_tell_strangers(bridge), name="strangers")


def _count_logins(memory: Memory, registry: CollectorRegistry) -> Tallying:
    """Have logins at access points counted as those on a page; Prometheus sees the first worker."""
    tallying = Tallying(PostgresStatistics(memory.databases.quick), utc_now)
    counted = metrics.SignInMetrics(registry, memory.doors.sites)
    memory.access.observer = SeveralObservers([counted, tallying])
    return tallying


def _start_first(
    group: asyncio.TaskGroup,
    section: Radius,
    memory: Memory,
    bridge: Bridge,
    registry: CollectorRegistry,
) -> None:
    """Start what one worker does for all."""
    if bridge.tls is not None:
        group.create_task(bridge.tls.run(), name="tls")
    files = tls_files(section)
    if files is not None and files.revoked is not None:
        group.create_task(look_at_revoked(files), name="look at revoked")
    if bridge.desk is not None:
        group.create_task(bridge.desk.compare_for_ever(), name="tell access points")
    if bridge.presence is not None:
        group.create_task(_keep_presence(bridge.presence), name="keep presence")
    checks: Mapping[str, health.Check] = {
        "database": partial(memory.databases.quick.fetch, "SELECT 1"),
        "sessions": memory.picture.is_loaded.wait,
    }
    counters = bridge.responder.pipeline.counters
    metrics.RadiusMetrics(registry, counters.clients, lambda: counters.from_strangers)
    answers = health.make_application(checks, (DatabaseUnavailableError,), expose(registry))
    group.create_task(serve_health(answers, "radius", section.health_port), name="health")


def _others(section: Radius, config_file: Path) -> list[Child]:
    """Return the further workers, which run as this process does."""
    kvar = (sys.executable, "-m", "portal", "--config", str(config_file), "radius", "--worker")
    return [Child(f"radius-{n}", (*kvar, str(n))) for n in range(1, section.workers)]


async def _changes(notices: AsyncIterator[Notice]) -> AsyncIterator[UUID | None]:
    """Yield which session changed; None: any may have."""
    async for notice in notices:
        try:
            yield UUID(notice.session_id) if isinstance(notice, SessionChanged) else None
        except ValueError:  # all of a site's
            yield None


async def _keep_presence(presence: RadiusPresence) -> Never:
    while True:
        try:
            await presence.look(utc_now(), asyncio.get_running_loop().time())
        except DatabaseUnavailableError as problem:
            _log.warning("presence_not_looked_at", reason=str(problem))
        await asyncio.sleep(PRESENCE_EVERY_S)


async def _tell_strangers(bridge: Bridge) -> Never:
    """Name addresses that ask and are no clients: mistyped here, or a new access point."""
    told = utc_now()
    while True:
        await asyncio.sleep(TELL_STRANGERS_EVERY_S)
        strangers = bridge.responder.pipeline.counters.strangers()
        for stranger in [one for one in strangers if one.last_seen > told][:MOST_TOLD]:
            _log.warning("radius_stranger", address=stranger.address, times=stranger.count)
        told = utc_now()


@contextmanager
def _on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _reload(bridge: Bridge, memory: Memory, config_file: Path, workers: Alive) -> None:
    """Serve the clients that the file names now; one that cannot be used changes nothing."""
    workers.signal(signal.SIGHUP)
    try:
        config = load(config_file)
        served = bridged(config)
        unknown = {one.site_id for one in served.access_points.values()} - set(memory.doors.sites)
        if unknown:
            raise StartError(f"a site is new: {', '.join(sorted(unknown))}; restart for it")
        files = None if config.radius is None else tls_files(config.radius)
        if bridge.tls is not None and files is not None:
            bridge.tls.renew(load_context(files), looked_at(files, utc_now()).serials)
    except (ConfigError, StartError, TlsFilesError) as problem:
        _log.error("radius_clients_not_reloaded", reason=str(problem))
        return
    bridge.serve(served)
    _log.info("radius_clients_reloaded", clients=len(served.clients.all), pid=os.getpid())
