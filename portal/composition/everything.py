"""Composes ``kvar run``: the private database and all processes on one machine."""

import asyncio
import os
import sys
from pathlib import Path

from portal import settings
from portal.composition.database import (
    address_file,
    journal_directory,
    key_directory,
    migrate_database,
    spool_directory,
)
from portal.composition.start import StartError, leaves, until_stopped
from portal.config import Config
from portal.storage.binaries import EmbeddedPostgresError
from portal.storage.embedded import EmbeddedPostgres
from portal.supervisor import Child, UnknownUserError, find_account, supervise


async def run_all(config: Config, config_file: Path) -> None:
    """Run the gate, the private database where one is needed, keeper and web sites, until SIGTERM.

    Raises:
        StartError: the database cannot be started or prepared.
    """
    try:
        prepare_directories(config)
        async with until_stopped() as group:
            # After a power cut the gate knows by itself who may go on: it waits for no database.
            group.create_task(supervise(_gate(config, config_file)), name="gate")
            await _start_database(config, group)
            group.create_task(supervise(_children(config, config_file)), name="children")
    except* (EmbeddedPostgresError, UnknownUserError, OSError) as problems:
        raise StartError("\n".join(str(problem) for problem in leaves(problems))) from problems


def prepare_directories(config: Config) -> None:
    """Make what the processes write to, owned by who writes; only root can give away.

    Raises:
        OSError: a folder cannot be made.
        UnknownUserError: this machine has no user of that name.
    """
    users = config.processes
    _prepare(config.organisation.data_directory, 0o755)
    _prepare(key_directory(config), 0o700, users.user)
    _prepare(spool_directory(config), 0o700, users.user)
    _prepare(journal_directory(config), 0o700, users.user)
    _prepare(config.gate.socket.parent, 0o755, users.gate_user)
    # setgid: what the keeper writes there belongs to the gate's group; MAC addresses are nobody
    # else's business
    _prepare(settings.snapshot_path(config).parent, 0o2750, users.user, users.gate_user)


def _prepare(directory: Path, mode: int, user: str = "", readers: str = "") -> None:
    """Make a directory of a user's own, readable by the group of another one where it is named."""
    directory.mkdir(mode=mode, parents=True, exist_ok=True)
    if (user or readers) and os.geteuid() == 0:
        owner = find_account(user).pw_uid if user else 0
        os.chown(directory, owner, find_account(readers or user).pw_gid)
        directory.chmod(mode)


async def _start_database(config: Config, group: asyncio.TaskGroup) -> None:
    if not config.database.dsn.get_secret_value():
        users = tuple(filter(None, (config.processes.user,)))
        postgres = EmbeddedPostgres(config.organisation.data_directory, users=users)
        await postgres.start()
        group.create_task(_run_postgres(postgres), name="postgresql")
        address_file(config).write_text(postgres.dsn + "\n", encoding="utf-8")
    await migrate_database(config)


async def _run_postgres(postgres: EmbeddedPostgres) -> None:
    try:
        await postgres.supervise()
    finally:
        await postgres.stop()


def _gate(config: Config, config_file: Path) -> list[Child]:
    """Return the gate; none where the access points of all sites let devices in."""
    if not settings.has_gate(config):
        return []
    user = config.processes.gate_user if os.geteuid() == 0 else ""
    return [Child("gate", (*_kvar(config_file), "gate"), user, ("net_admin", "net_raw"))]


def _children(config: Config, config_file: Path) -> list[Child]:
    """Return what else runs for as long as ``kvar run``."""
    user = config.processes.user if os.geteuid() == 0 else ""
    kvar, low_ports = _kvar(config_file), ("net_bind_service",)
    children = [
        Child("keeper", (*kvar, "keeper"), user),
        Child("portal", (*kvar, "portal"), user, low_ports),
    ]
    if config.staff is not None:
        children.append(Child("staff", (*kvar, "staff"), user, low_ports))
    if config.radius is not None:
        children.append(Child("radius", (*kvar, "radius"), user, low_ports))
    return children


def _kvar(config_file: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "portal", "--config", str(config_file))
