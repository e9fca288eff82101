"""Composes the health endpoints of a process."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from typing import Never

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from firewall.client import GateClient
from portal import metrics, settings
from portal.composition.start import StartError
from portal.config import Config
from portal.web import health

RETRY_S = 30.0

_log = structlog.get_logger()


def gate_checks(config: Config, client: GateClient) -> dict[str, health.Check]:
    """Return what health asks of the gate: nothing where there is none."""
    return {"gate": client.ping} if settings.has_gate(config) else {}


def make_registry(process: str) -> CollectorRegistry:
    """Return the registry of one process."""
    return metrics.make_registry(process, version("kvar"))


def expose(registry: CollectorRegistry, refresh: Sequence[health.Check] = ()) -> health.Exposition:
    """Return what /metrics tells of a process."""
    neighbours = metrics.NeighbourMetrics(registry)

    def note(neighbour: str, is_up: bool) -> None:
        neighbours.note(neighbour, is_up=is_up)

    return health.Exposition(registry, note, refresh)


async def serve_health(answers: web.Application, section: str, port: int) -> None:
    """Serve until cancelled; ``section`` is where the port stands in the configuration.

    Raises:
        StartError: the port cannot be served.
    """
    try:
        await health.serve(answers, port)
    except OSError as problem:
        text = f"[{section}] health_port {port} cannot be served: {problem}; choose another"
        raise StartError(text) from problem


async def serve_health_in_time(answers: web.Application, section: str, port: int) -> Never:
    """Serve until cancelled, and wait for a port that is taken.

    For the keeper: visits must end on time, whether or not anybody can measure it.
    """
    while True:
        try:
            await health.serve(answers, port)
        except OSError as problem:
            _log.warning("health_not_served", section=section, port=port, reason=str(problem))
        await asyncio.sleep(RETRY_S)
