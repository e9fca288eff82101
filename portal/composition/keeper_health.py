"""Composes what the keeper tells the machines that watch: of itself, the gate and the database."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib.metadata import version

from aiohttp import web
from prometheus_client import CollectorRegistry

from firewall.client import GateClient, GateError
from portal import metrics, settings
from portal.clock import utc_now
from portal.composition.health import expose, gate_checks
from portal.config import Config
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.statistics import NodeReport
from portal.services.reporting import Reporting
from portal.storage.database import Database
from portal.storage.figures import PostgresFigures
from portal.storage.statistics import PostgresStatistics
from portal.web import health


def compose_keeper_health(
    config: Config,
    registry: CollectorRegistry,
    database: Database,
    asked: GateClient,
    more: Sequence[health.Check] = (),
) -> web.Application:
    """Return the keeper's health endpoints; it speaks for the gate, which loads no web server.

    ``more`` is refreshed at a scrape too.
    """
    refresh: list[health.Check] = [_figures(config, registry, database), *more]
    if settings.has_gate(config):
        refresh.append(_gate(registry, asked))
    checks: dict[str, health.Check] = {
        "database": partial(database.fetch, "SELECT 1"),
        **gate_checks(config, asked),
    }
    exposition = expose(registry, refresh)
    return health.make_application(checks, (DatabaseUnavailableError, GateError), exposition)


def observe_keeper(
    registry: CollectorRegistry, in_step: Callable[[], bool]
) -> metrics.KeeperMetrics:
    """Return who counts what the keeper does."""
    return metrics.KeeperMetrics(registry, in_step)


def _figures(config: Config, registry: CollectorRegistry, database: Database) -> health.Check:
    shown = metrics.FigureMetrics(registry, list(settings.sites(config)))
    figures = PostgresFigures(database)

    async def refresh() -> None:
        shown.note(None)  # what was true a minute ago is not told as if it were true now
        shown.note(await figures.read(utc_now()))

    return refresh


def _gate(registry: CollectorRegistry, asked: GateClient) -> health.Check:
    shown = metrics.GateMetrics(registry)

    async def refresh() -> None:
        shown.note(None)
        shown.note(await asked.ping())

    return refresh


def compose_reporting(
    config: Config, database: Database, asked: GateClient, in_step: Callable[[], bool]
) -> Reporting:
    """Return who notes how this machine does, for the live page."""

    async def describe(now: datetime) -> NodeReport:
        report = NodeReport(socket.gethostname(), now, version("kvar"), in_step())
        if not settings.has_gate(config):
            return report
        try:
            health = await asked.ping()
        except GateError:
            return replace(report, in_step=False, gate_answers=False)
        missing = len(health["missing_interfaces"])
        return replace(
            report, gate_answers=True, gate_devices=health["devices"], interfaces_missing=missing
        )

    site_ids = list(settings.sites(config))
    return Reporting(PostgresStatistics(database), site_ids, describe, utc_now)
