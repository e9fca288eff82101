"""Composes the staff site's process. What a staff command on the command line needs: staff.py."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from socket import socket

from aiohttp import web

from firewall.client import GateError
from portal import metrics, settings_staff
from portal.clock import utc_now
from portal.composition.api import compose_api
from portal.composition.database import dsn, key_directory
from portal.composition.doctor import LookFromAService
from portal.composition.doors import compose_doors
from portal.composition.gate import gate_client, open_gate
from portal.composition.health import expose, gate_checks, make_registry, serve_health
from portal.composition.staff_services import compose_staff
from portal.composition.start import StartError, until_stopped
from portal.composition.uplink import uplink_probe
from portal.config import Config, Staff
from portal.domain.identity import SiteId
from portal.domain.slip import TARGETS
from portal.processing_facts import make_record
from portal.services.board import Board
from portal.services.console.complaints import Complaints
from portal.services.console.exports import Exports
from portal.services.console.forgetting import forget_in_time
from portal.services.console.look_ups import Auditing, LookUps
from portal.services.console.revealing import Revealing
from portal.services.console.rights import Rights
from portal.services.day_codes import DayCodes
from portal.services.doors import Doors
from portal.services.fault_reporting import FaultReporting
from portal.services.group_tutoring import GroupTutoring
from portal.services.key_ring import KeyRing
from portal.services.month_reports import MonthReports
from portal.services.notices import Noticeboard
from portal.services.overview import Overview
from portal.services.ports import Clock, DatabaseUnavailableError
from portal.services.remembered import RememberedAtDesk
from portal.services.staff.attempts import StaffAttemptDesk
from portal.services.staff.doors import StaffDoors
from portal.services.staff.enrolment import Enrolment
from portal.services.staff.own_account import OwnAccount
from portal.services.staff.sign_in import PasswordMethod, StaffSignIn
from portal.services.tutoring import Tutoring
from portal.services.uplink import UplinkWatch
from portal.services.vouchers import Vouchers
from portal.slips import TEXTS
from portal.slips.pages import Templates
from portal.slips.pdf import PdfMaker
from portal.slips.printer import Printer
from portal.storage.address_log import PostgresAddressLog
from portal.storage.audit import PostgresAudit
from portal.storage.board import PostgresBoardMarks
from portal.storage.database import Database
from portal.storage.day_figures import PostgresDayFigures
from portal.storage.fault_reports import PostgresFaultReports
from portal.storage.identities import PostgresIdentities
from portal.storage.letters import PostgresLetters
from portal.storage.notices import PostgresNotices
from portal.storage.rights import PostgresKeptOfOne
from portal.storage.session_log import PostgresSessionLog
from portal.storage.statistics import PostgresStatistics
from portal.storage.tickets import PostgresTickets
from portal.storage.tutoring import PostgresTutored
from portal.web import health
from portal.web.api.application import ApiApplication
from portal.web.serving import Listening, bind_sockets, serve
from portal.web.shared_listener import SharedListener
from portal.web.staff import answers
from portal.web.staff.application import StaffApplication
from portal.web.staff.console_doors import ConsoleDoors
from portal.web.staff.desk_doors import DeskDoors
from portal.web.staff.live_board import LiveBoard, LiveLog
from portal.web.staff.pages import Pages
from portal.web.staff.pdf_jobs import PdfJobs
from portal.web.staff.settings import SitePrinter
from portal.web.staff.slips import SlipTools
from portal.web.staff.staff_site import StaffSite
from portal.web.templating import find_templates
from portal.web.texts import load_languages
from portal.web.tls import CertificateWatch, make_tls_context


async def run_staff(config: Config) -> None:
    """Serve the staff site until SIGTERM.

    Raises:
        StartError: there is no such site, or the certificate, the keys or a port are wrong.
    """
    if config.staff is None:
        raise StartError("no [staff] in the configuration; add it, with the site's host_name")
    section, keys = config.staff, KeyRing(key_directory(config))
    sockets, context, watch = _bind(section)
    async with (
        Database(dsn(config), size=config.database.connections, name="kvar staff") as database,
        open_gate(config) as gate,
        gate_client(config) as asked,
    ):
        doors = compose_doors(config, database, gate, keys, None)
        staff = compose_staff(config, database, keys)
        facts = replace(
            settings_staff.staff_site(config, section, staff.keys.form),
            printers=_printers(config),
            record=make_record(config),
        )
        uplink = UplinkWatch(uplink_probe(config), utc_now)
        board = Noticeboard(PostgresNotices(database), utc_now)
        pages = Pages(facts, staff.times, board, partial(_banners, uplink))
        registry = make_registry("staff")
        site = compose_site(pages, staff, doors, database)
        prints = metrics.PrintMetrics(registry)
        site = replace(site, examine=LookFromAService(config))
        site = replace(site, slips=replace(site.slips, printed=prints.printed))
        api = ApiApplication(compose_api(settings_staff.api(config, section), doors, database))
        application = SharedListener("/api/", api, StaffApplication(site))
        listening = Listening(application.answer, _malformed, application.broken, sockets, context)
        checks: Mapping[str, health.Check] = {
            "database": partial(database.fetch, "SELECT 1"),
            **gate_checks(config, asked),
        }
        broken = (DatabaseUnavailableError, GateError)
        ready = health.make_application(checks, broken, expose(registry))
        with site.slips.maker:
            async with until_stopped() as group:
                serving = serve(
                    [listening], loggers=["portal.web.staff", "portal.web.api"], certificates=watch
                )
                group.create_task(serving, name="staff site")
                group.create_task(uplink.watch(), name="uplink")
                group.create_task(board.work(), name="notices")
                group.create_task(site.slips.jobs.run(), name="PDFs")
                group.create_task(site.console.exports.run(), name="exports")
                group.create_task(_forget(site), name="forgetting")
                group.create_task(serve_health(ready, "staff", section.health_port), name="health")


async def _forget(site: StaffSite) -> None:
    await forget_in_time([site.console.findings, site.console.exports], site.clock)


def _bind(
    section: Staff,
) -> tuple[Sequence[socket], ssl.SSLContext | None, CertificateWatch | None]:
    files = (section.certificate_file, section.private_key_file)
    context = watch = None
    try:
        if files[0] is not None and files[1] is not None:
            context = make_tls_context(files[0], files[1])
            watch = CertificateWatch(context, files[0], files[1])
        sockets = bind_sockets([(section.address, section.port)])
    except OSError as problem:
        raise StartError(f"the staff site cannot be served: {problem}") from problem
    return sockets, context, watch


def _printers(config: Config) -> Mapping[SiteId, Sequence[SitePrinter]]:
    return {
        SiteId(site.id): [
            SitePrinter(one.name, TARGETS[f"roll{one.roll_mm}"], Printer(one.host, one.port))
            for one in site.printers
        ]
        for site in config.sites
    }


def _malformed(status: int, _harmless: bool) -> web.Response:
    return answers.plain("This request cannot be understood.\n", status=status)


def _banners(uplink: UplinkWatch) -> Sequence[str]:
    """Return what every page says at its top."""
    return ("banner.internet",) if uplink.is_down() else ()


def compose_site(
    pages: Pages,
    staff: StaffDoors,
    doors: Doors,
    database: Database,
    clock: Clock = utc_now,
) -> StaffSite:
    """Return the staff site with all that its handlers work with."""
    attempts = StaffAttemptDesk(staff)
    # An organisation's own sign-in (OpenID Connect) would be another method here.
    sign_in = StaffSignIn(staff, attempts, {"password": PasswordMethod(staff, attempts)})
    tutored = PostgresTutored(database)
    tutoring, groups = Tutoring(doors, tutored), GroupTutoring(doors)
    board = Board(tutoring, groups, PostgresBoardMarks(database))
    folder = (pages.settings.templates or find_templates()) / "slips"
    maker = PdfMaker(folder)
    return StaffSite(
        settings=pages.settings,
        sign_in=sign_in,
        enrolment=Enrolment(staff, attempts),
        own_account=OwnAccount(staff, sign_in),
        desk=DeskDoors(
            board=board,
            live=LiveBoard(board, clock),
            tutoring=tutoring,
            groups=groups,
            remembered=RememberedAtDesk(doors, tutored),
            vouchers=Vouchers(doors),
            day_codes=DayCodes(doors),
            faults=FaultReporting(
                doors, PostgresFaultReports(database), version("kvar"), pages.internet_is_down
            ),
        ),
        overview=Overview(PostgresStatistics(database)),
        faults=PostgresTickets(database),
        notices=pages.notices,
        months=MonthReports(
            PostgresDayFigures(database), list(pages.settings.sites), pages.settings.time_zone
        ),
        console=compose_console(doors, database, pages.settings.kept, clock),
        slips=SlipTools(load_languages(TEXTS), Templates(folder), maker, PdfJobs(maker)),
        pages=pages,
        clock=clock,
    )


def compose_console(
    doors: Doors, database: Database, kept: timedelta, clock: Clock
) -> ConsoleDoors:
    """Return what IT's pages work with."""
    log, record = PostgresSessionLog(database), PostgresAudit(database)
    auditing, addresses = Auditing(record), PostgresAddressLog(database)
    levels = [site.privacy for site in doors.sites.values()]
    return ConsoleDoors(
        log=log,
        record=record,
        letters=PostgresLetters(database),
        look_ups=LookUps(log, auditing, doors.keys, doors.card_rules, addresses, levels),
        complaints=Complaints(log, addresses, auditing, kept, levels),
        revealing=Revealing(PostgresIdentities(database), auditing, doors.keys),
        rights=Rights(PostgresKeptOfOne(database), auditing, doors, kept, doors.card_rules),
        exports=Exports(log, auditing, clock),
        kept=kept,
        mark=LiveLog(log, clock).mark,
    )
