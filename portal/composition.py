"""From a configuration to the running system: the only file that imports every package.

Not rules and not doors: it builds them, joins them, and runs them in one task group a process.
The rule to keep: one child of the group dies, all stop, and the exit code is not 0.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import asyncpg
import structlog

from firewall.agent import AlreadyRunningError, run_agent, run_simulated_agent
from firewall.client import GateClient, GateError
from firewall.kernel import KernelError
from portal import settings
from portal.clock import utc_now
from portal.config import Config
from portal.domain.card import DEFAULT_RULES
from portal.gate import AgentGate
from portal.keeper import Keeper
from portal.library.guarded_library import GuardedLibrary
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2SettingsError
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.key_ring import KeyRing, KeyRingError
from portal.services.ports import DatabaseUnavailableError, LibrarySystem
from portal.services.reconcile import Reconciliation
from portal.storage.arrivals import PostgresArrivals
from portal.storage.database import Database
from portal.storage.embedded import EmbeddedPostgres, EmbeddedPostgresError
from portal.storage.events import PostgresEvents
from portal.storage.migrate import MigrationError, migrate
from portal.storage.notifications import listen
from portal.storage.sessions import PostgresSessions
from portal.storage.sign_in_attempts import PostgresAttempts
from portal.storage.upkeep import PostgresUpkeep
from portal.supervisor import Child, UnknownUserError, find_account, supervise
from portal.web import health
from portal.web.guest.application import GuestApplication
from portal.web.guest.serving import GuestSockets, bind_guest_sockets, serve_guest
from portal.web.guest.settings import GuestSettings
from portal.web.tls import CertificateWatch, make_tls_context

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - the gate decides who reaches the portal
THIS_MACHINE = ("127.0.0.1", "::1")

_log = structlog.get_logger()


class StartError(Exception):
    """A process cannot start; the text has the way out."""


# --- the gate -----------------------------------------------------------------------------------


async def run_gate(config: Config) -> None:
    """Run the gate's agent until SIGTERM.

    Raises:
        StartError: it cannot start.
    """
    gate_settings = settings.gate(config, _uids(config))
    agent = run_agent if config.gate.enabled else run_simulated_agent
    async with _stop_signal() as stop:
        try:
            await agent(gate_settings, stop)
        except (KernelError, AlreadyRunningError) as problem:
            raise StartError(f"the gate cannot start: {problem}") from problem


def _uids(config: Config) -> frozenset[int]:
    """Return who may speak to the gate: root, this process's user, and the portal's user."""
    known = {0, os.geteuid()}
    if config.processes.user:
        with suppress(UnknownUserError):
            known.add(find_account(config.processes.user).pw_uid)
    return frozenset(known)


@asynccontextmanager
async def _stop_signal() -> AsyncIterator[asyncio.Event]:
    """Set the event on SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


# --- keeper and portal --------------------------------------------------------------------------


async def run_keeper(config: Config) -> None:
    """Run the keeper until SIGTERM."""
    address = dsn(config)
    async with Database(address, size=2, name="kvar keeper") as database, _gate(config) as gate:
        reconciliation = Reconciliation(
            PostgresSessions(database), gate, list(settings.sites(config))
        )
        keeper = Keeper(reconciliation, PostgresUpkeep(database), utc_now)
        async with _until_stopped() as group:
            group.create_task(keeper.keep_in_step(), name="keep in step")
            group.create_task(keeper.hear(listen(address)), name="hear")
            group.create_task(keeper.end_on_time(), name="end on time")
            group.create_task(keeper.tidy(settings.kept(config)), name="tidy")


async def run_portal(config: Config) -> None:
    """Serve the guest site until SIGTERM.

    Raises:
        StartError: the certificate, the keys, the library system's settings or a port are wrong.
    """
    sockets, watch = _guest_sockets(config)
    keys = KeyRing(key_directory(config))
    async with (
        Database(dsn(config), size=config.database.connections, name="kvar portal") as database,
        _gate(config) as gate,
    ):
        library = _library(config)
        guest = GuestService(_doors(config, database, gate, keys, library))
        application = GuestApplication(_site_settings(config, keys), guest, utc_now)
        checks: dict[str, health.Check] = {
            "database": partial(database.fetch, "SELECT 1"),
            "gate": _client(config).ping,
        }
        answers = health.make_application(checks, (DatabaseUnavailableError, GateError))
        async with _until_stopped() as group:
            group.create_task(
                serve_guest(application, sockets, certificates=watch), name="guest site"
            )
            group.create_task(health.serve(answers, config.portal.health_port), name="health")
            if library is not None:
                group.create_task(library.watch(), name="library system")


@asynccontextmanager
async def _until_stopped() -> AsyncIterator[asyncio.TaskGroup]:
    """Run the tasks put into the group until SIGTERM, or until one of them fails."""

    async def wait_and_stop(stop: asyncio.Event) -> None:
        await stop.wait()
        raise _StoppedError

    try:
        async with _stop_signal() as stop, asyncio.TaskGroup() as group:
            group.create_task(wait_and_stop(stop), name="stop signal")
            yield group
    except* _StoppedError:
        _log.info("process.stopped")


class _StoppedError(Exception):
    """The process was asked to stop."""


def _site_settings(config: Config, keys: KeyRing) -> GuestSettings:
    try:
        return settings.guest_site(config, keys.form_key())
    except KeyRingError as problem:
        raise StartError(str(problem)) from problem


def _doors(
    config: Config,
    database: Database,
    gate: AgentGate,
    keys: KeyRing,
    library: LibrarySystem | None,
) -> Doors:
    section = config.library_system
    return Doors(
        sessions=PostgresSessions(database),
        attempts=PostgresAttempts(database, settings.kept(config).known_devices),
        arrivals=PostgresArrivals(database),
        events=PostgresEvents(database),
        gate=gate,
        keys=keys,
        library=library,
        sites=settings.sites(config),
        card_rules=DEFAULT_RULES if section is None else settings.card_rules(section),
        limits=settings.limits(config),
    )


def _library(config: Config) -> GuardedLibrary | None:
    if config.library_system is None:
        return None
    try:
        return GuardedLibrary(Sip2Library(settings.sip2(config.library_system)))
    except (Sip2SettingsError, OSError) as problem:
        raise StartError(f"[library_system]: {problem}") from problem


def _client(config: Config) -> GateClient:
    return GateClient(config.gate.socket)


@asynccontextmanager
async def _gate(config: Config) -> AsyncIterator[AgentGate]:
    async with _client(config) as client:
        yield AgentGate(client)


def _guest_sockets(config: Config) -> tuple[GuestSockets, CertificateWatch]:
    files = (config.portal.certificate_file, config.portal.private_key_file)
    addresses = EVERY_ADDRESS if config.gate.enabled else THIS_MACHINE
    try:
        context = make_tls_context(*files)
        plain, tls = (
            bind_guest_sockets([(address, port) for address in addresses])
            for port in (config.portal.http_port, config.portal.https_port)
        )
    except OSError as problem:
        raise StartError(f"the guest site cannot be served: {problem}") from problem
    return GuestSockets(plain, tls, context), CertificateWatch(context, *files)


# --- the database -------------------------------------------------------------------------------


def key_directory(config: Config) -> Path:
    """Return where the keys stand: outside the database and its dumps."""
    return config.organisation.data_directory / "keys"


def _address_file(config: Config) -> Path:
    return config.organisation.data_directory / "database-address"


def dsn(config: Config) -> str:
    """Return the database's address: the configured one, or the running private PostgreSQL's.

    Raises:
        StartError: none is configured and no private one has been started.
    """
    configured = config.database.dsn.get_secret_value()
    if configured:
        return configured
    try:
        return _address_file(config).read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise StartError("no [database] dsn, and no private one yet: start kvar run") from problem


async def migrate_database(config: Config) -> None:
    """Bring the schema up to date.

    Raises:
        StartError: it cannot be done.
    """
    try:
        for name in await migrate(dsn(config), utc_now()):
            _log.info("schema.migrated", file=name)
    except (MigrationError, DatabaseUnavailableError, asyncpg.PostgresError) as problem:
        raise StartError(f"the database cannot be prepared: {problem}") from problem


async def ask_schema(config: Config) -> str:
    """Return the schema's version in words, for the doctor.

    Raises:
        DatabaseUnavailableError: the database did not answer.
    """
    try:
        address = dsn(config)
    except StartError as problem:
        raise DatabaseUnavailableError(str(problem)) from problem
    async with Database(address, size=1, name="kvar doctor") as database:
        row = await database.fetch_row("SELECT max(version) AS version FROM schema_migration")
    return f"answers; schema version {None if row is None else row['version']}"


# --- everything on one machine ------------------------------------------------------------------


async def run_all(config: Config, config_file: Path) -> None:
    """Run the private database where one is needed, then gate, keeper and portal, until SIGTERM.

    Raises:
        StartError: the database cannot be started or prepared.
    """
    try:
        _prepare_directories(config)
        async with _until_stopped() as group:
            await _start_database(config, group)
            group.create_task(supervise(_children(config, config_file)), name="children")
    except* (EmbeddedPostgresError, UnknownUserError, OSError) as problems:
        raise StartError("; ".join(str(problem) for problem in problems.exceptions)) from problems


def _prepare_directories(config: Config) -> None:
    """Make what the processes write to, owned by who writes; only root can give away."""
    users = config.processes
    directories = (
        (config.organisation.data_directory, "", 0o755),
        (key_directory(config), users.user, 0o700),
        (config.gate.socket.parent, users.gate_user, 0o755),
    )
    for directory, user, mode in directories:
        directory.mkdir(parents=True, exist_ok=True)
        if user and os.geteuid() == 0:
            account = find_account(user)
            os.chown(directory, account.pw_uid, account.pw_gid)
            directory.chmod(mode)


async def _start_database(config: Config, group: asyncio.TaskGroup) -> None:
    if not config.database.dsn.get_secret_value():
        users = tuple(filter(None, (config.processes.user,)))
        postgres = EmbeddedPostgres(config.organisation.data_directory, users=users)
        await postgres.start()
        group.create_task(_run_postgres(postgres), name="postgresql")
        _address_file(config).write_text(postgres.dsn + "\n", encoding="utf-8")
    await migrate_database(config)


async def _run_postgres(postgres: EmbeddedPostgres) -> None:
    try:
        await postgres.supervise()
    finally:
        await postgres.stop()


def _children(config: Config, config_file: Path) -> list[Child]:
    users = config.processes
    root = os.geteuid() == 0
    kvar = (sys.executable, "-m", "portal", "--config", str(config_file))
    gate_user, user = (users.gate_user, users.user) if root else ("", "")
    return [
        Child("gate", (*kvar, "gate"), gate_user, ("net_admin", "net_raw")),
        Child("keeper", (*kvar, "keeper"), user),
        Child("portal", (*kvar, "portal"), user, ("net_bind_service",)),
    ]
