"""Composes the guest site's process."""

from dataclasses import replace
from functools import partial
from importlib.metadata import version
from zoneinfo import ZoneInfo

from firewall.client import GateError
from portal import metrics, settings
from portal.clock import utc_now
from portal.composition.access_points import open_access_points
from portal.composition.database import dsn, key_directory
from portal.composition.doors import compose_doors
from portal.composition.gate import gate_client, open_gate
from portal.composition.health import expose, gate_checks, make_registry, serve_health
from portal.composition.library import compose_library
from portal.composition.start import StartError, until_stopped
from portal.composition.uplink import uplink_probe
from portal.config import Config
from portal.services.courtesy import Courtesy
from portal.services.fault_reporting import FaultReporting
from portal.services.first_sight import FirstSight
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.notices import Noticeboard
from portal.services.observed_guest import ObservedGuest
from portal.services.ports import DatabaseUnavailableError
from portal.services.rating import Rating
from portal.services.returning import Returning
from portal.services.tallying import SeveralObservers, Tallying
from portal.services.threshold import Threshold
from portal.services.uplink import UplinkWatch
from portal.storage.courtesy import PostgresCourtesies
from portal.storage.database import Database
from portal.storage.day_figures import PostgresDayFigures
from portal.storage.fault_reports import PostgresFaultReports
from portal.storage.notices import PostgresNotices
from portal.storage.statistics import PostgresStatistics
from portal.web import health
from portal.web.guest.application import GuestApplication
from portal.web.guest.serving import GuestSockets, serve_guest
from portal.web.guest.settings import GuestSettings
from portal.web.guest.surroundings import Surroundings, no
from portal.web.serving import bind_sockets
from portal.web.tls import CertificateWatch, make_tls_context

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - the gate decides who reaches the portal
THIS_MACHINE = ("127.0.0.1", "::1")


async def run_portal(config: Config) -> None:
    """Serve the guest site until SIGTERM.

    Raises:
        StartError: the certificate, the keys, the library system's settings or a port are wrong.
    """
    sockets, watch = _guest_sockets(config)
    keys = KeyRing(key_directory(config))
    async with (
        Database(dsn(config), size=config.database.connections, name="kvar portal") as database,
        open_gate(config) as gate,
        gate_client(config) as asked,  # of its own: a health check must not wait behind logins
        open_gate(config) as looked_up,  # the same for logins, behind a thousand probes
        open_access_points(config, keys, database) as access_points,
    ):
        registry = make_registry("portal")
        if access_points is not None:
            access_points.observer = metrics.ArrivalMetrics(registry).arrived
        library = compose_library(config)
        if library is not None:
            library.observer = metrics.LibraryMetrics(registry, library.breaker_is_open)
        doors = compose_doors(config, database, gate, keys, library)
        courtesy = Courtesy(doors, PostgresCourtesies(database))
        returning = Returning(replace(doors, gate=looked_up))
        first_sight = FirstSight()
        threshold = Threshold(looked_up, returning, utc_now, first_sight)
        tallying = Tallying(PostgresStatistics(database), utc_now)
        observer = SeveralObservers([metrics.SignInMetrics(registry, doors.sites), tallying])
        guest = ObservedGuest(doors, observer, first_sight, threshold, courtesy)
        uplink = UplinkWatch(uplink_probe(config), utc_now)
        board = Noticeboard(PostgresNotices(database), utc_now)
        around = Surroundings(
            internet_is_down=uplink.is_down,
            library_is_away=no if library is None else library.breaker_is_open,
            notices=board.shown,
            faults=FaultReporting(
                doors, PostgresFaultReports(database), version("kvar"), uplink.is_down
            ),
            rate=Rating(PostgresDayFigures(database), ZoneInfo(config.organisation.time_zone)).rate,
        )
        application = GuestApplication(
            _site_settings(config, keys), guest, utc_now, around, access_points
        )
        checks: dict[str, health.Check] = {
            "database": partial(database.fetch, "SELECT 1"),
            **gate_checks(config, asked),
        }
        metrics.UplinkMetrics(registry, uplink.is_down)
        broken = (DatabaseUnavailableError, GateError)
        answers = health.make_application(checks, broken, expose(registry))
        async with until_stopped() as group:
            group.create_task(
                serve_guest(application, sockets, certificates=watch), name="guest site"
            )
            group.create_task(threshold.work(), name="threshold")
            group.create_task(board.work(), name="notices")
            group.create_task(uplink.watch(), name="uplink")
            group.create_task(tallying.work(), name="tallying")
            group.create_task(
                serve_health(answers, "portal", config.portal.health_port), name="health"
            )
            if library is not None:
                group.create_task(library.watch(), name="library system")
                group.create_task(courtesy.watch(utc_now), name="courtesy")


def _site_settings(config: Config, keys: KeyRing) -> GuestSettings:
    try:
        return settings.guest_site(config, keys.form_key())
    except KeyRingError as problem:
        raise StartError(str(problem)) from problem


def _guest_sockets(config: Config) -> tuple[GuestSockets, CertificateWatch]:
    files = (config.portal.certificate_file, config.portal.private_key_file)
    addresses = EVERY_ADDRESS if config.gate.enabled else THIS_MACHINE
    try:
        context = make_tls_context(*files)
        plain, tls = (
            bind_sockets([(address, port) for address in addresses])
            for port in (config.portal.http_port, config.portal.https_port)
        )
    except OSError as problem:
        raise StartError(f"the guest site cannot be served: {problem}") from problem
    return GuestSockets(plain, tls, context), CertificateWatch(context, *files)
