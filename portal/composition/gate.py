"""Composes the gate's process, and the door through which the others reach it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from firewall.client import GateClient
from portal import settings
from portal.composition.start import StartError, leaves, stop_signal
from portal.config import Config
from portal.gate import AgentGate
from portal.no_gate import NoGate
from portal.service_notification import tell_alive, tell_ready
from portal.services.ports import Gate
from portal.supervisor import UnknownUserError, find_account

_FAMILY_NAMES: dict[int, str] = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


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
            async with asyncio.TaskGroup() as group:
                alive = group.create_task(tell_alive(), name="watchdog")
                await agent(gate_settings, stop, tell_ready)
                alive.cancel()
        except* (KernelError, AlreadyRunningError) as problems:
            reasons = ", ".join(str(problem) for problem in leaves(problems))
            raise StartError(f"the gate cannot start: {reasons}") from problems


def close_guest_networks(config: Config, *, forward: bool) -> list[str]:
    """Close the guest networks in routing; return what was done, a line each.

    With ``forward`` the machine forwards packets from then on, where it is a gateway.

    Raises:
        StartError: the kernel refused.
    """
    from firewall.closing import close_networks  # noqa: PLC0415
    from firewall.forwarding import close_and_forward  # noqa: PLC0415
    from firewall.kernel import KernelError  # noqa: PLC0415

    interfaces = sorted(frozenset[str]().union(*settings.guest_interfaces(config).values()))
    try:
        if forward and config.gate.enabled and settings.has_gate(config):
            added = close_and_forward(interfaces, config.gate.uplink_interfaces)
        else:
            added = close_networks(interfaces)
    except KernelError as problem:
        raise StartError(f"guest networks cannot be closed: {problem}") from problem
    return [f"{rule.interface}: closed in routing ({_FAMILY_NAMES[rule.family]})" for rule in added]


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
