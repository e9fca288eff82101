"""Composes the gate's process, and the door through which the others reach it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from firewall.client import GateClient
from portal import settings
from portal.composition.start import StartError, stop_signal
from portal.config import Config
from portal.gate import AgentGate
from portal.no_gate import NoGate
from portal.services.ports import Gate
from portal.supervisor import UnknownUserError, find_account


async def run_gate(config: Config) -> None:
    """Run the gate's agent until SIGTERM.

    Raises:
        StartError: it cannot start.
    """
    # Only this process loads the agent: it alone may change the kernel.
    from firewall.agent import (  # noqa: PLC0415
        AlreadyRunningError,
        run_agent,
        run_simulated_agent,
    )
    from firewall.kernel import KernelError  # noqa: PLC0415

    if not settings.has_gate(config):
        raise StartError("no site has guest_interfaces: there is nothing for a gate to do")
    gate_settings = settings.gate(config, _uids(config))
    agent = run_agent if config.gate.enabled else run_simulated_agent
    async with stop_signal() as stop:
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


def gate_client(config: Config) -> GateClient:
    """Return a client of the gate's socket."""
    return GateClient(config.gate.socket)


@asynccontextmanager
async def open_gate(config: Config) -> AsyncIterator[Gate]:
    """Open the services' gate door, which leads nowhere where no site has a gate."""
    if not settings.has_gate(config):
        yield NoGate()
        return
    async with gate_client(config) as client:
        yield AgentGate(client)
