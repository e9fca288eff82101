"""Composes the health endpoints of a process."""

from aiohttp import web

from firewall.client import GateClient
from portal import settings
from portal.composition.start import StartError
from portal.config import Config
from portal.web import health


def gate_checks(config: Config, client: GateClient) -> dict[str, health.Check]:
    """Return what health asks of the gate: nothing where there is none."""
    return {"gate": client.ping} if settings.has_gate(config) else {}


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
