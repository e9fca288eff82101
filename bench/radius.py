"""``make bench NAME=radius``: the bridge beside FreeRADIUS on the same PostgreSQL, and the floor.

``kvar radius`` as it runs on a real machine, with 10,000 devices that have a session: MAC
authentication from memory, logins, accounting acknowledged after its commit; in one process, and in
rows of their own in two, as FreeRADIUS uses both cores too. The peer is FreeRADIUS
3.2 with rlm_sql (radius_freeradius.py), the floor a uvloop UDP echo (radius_echo.py). All get the
same packets from the same generator (radius_load.c), which proves every answer, on this machine and
in the same run, by turns. Nothing is pinned: server, database and generator share the cores.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import radius_table as table
from bench.radius_freeradius import (
    ACCOUNTING,
    FILES,
    SQL,
    TUNED,
    FreeRadius,
    free_port,
    prepare_database,
    sessions_kept,
)
from bench.radius_kvar import Kvar, admit
from bench.radius_load import Generator, Span
from bench.radius_packets import User, devices
from bench.radius_trials import Contest, Loads
from bench.rows import Row
from bench.services_stage import postgres
from firewall.lab.processes import LabError, stop

SETTINGS = {"max_connections": "200", "shared_buffers": "256MB", "max_wal_size": "2GB"}
"""Of the PostgreSQL that both use: FreeRADIUS opens up to 32 connections a process. Every commit is
flushed to disk."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure; the smallest still runs every line."""

    devices: int = 10_000
    logins: int = 120_000
    """Packets of each kind of login: a run that has sent them all is over."""
    records: int = 90_000
    """Of accounting that a run of ours has ready; FreeRADIUS needs fewer."""
    peer_records: int = 20_000
    warm_up: int = 4_000
    seconds: float = 3.0
    rounds: int = 3


def measure(size: Size | None = None) -> list[Row]:
    """Measure everything on one PostgreSQL."""
    return asyncio.run(_measure(size or Size()))


async def _measure(size: Size) -> list[Row]:
    users = devices(size.devices)
    async with postgres(SETTINGS) as dsn:
        await prepare_database(dsn, users)
        await admit(dsn, users)
        with tempfile.TemporaryDirectory(prefix="kvar-bench-") as name:
            return await asyncio.to_thread(_compare, Path(name), dsn, users, size)


def _compare(directory: Path, dsn: str, users: Sequence[User], size: Size) -> list[Row]:
    directory.chmod(0o711)
    with Kvar(directory, dsn, users) as kvar:
        workers = Kvar(directory, dsn, users, table.WORKERS)
        workers.share_keys(kvar)
        with workers:
            rows = _contest(directory, dsn, users, size, (kvar, workers))
        # Alone: what processes have in common is divided among them.
        return [*rows, *kvar.memory()]


def _contest(
    directory: Path, dsn: str, users: Sequence[User], size: Size, ours: tuple[Kvar, Kvar]
) -> list[Row]:
    kvar, workers = ours
    with ExitStack() as stack:
        generator = Generator(directory)
        ports = {
            "kvar": kvar.authentication_port,
            "kvar accounting": kvar.accounting_port,
            "kvar workers": workers.authentication_port,
            "kvar workers accounting": workers.accounting_port,
            "ceiling": _start_ceiling(stack, generator),
            "echo": _start_echo(stack),
        }
        for case in (FILES, SQL, TUNED, ACCOUNTING):
            known = users if case is FILES else ()
            ports[case.name] = stack.enter_context(FreeRadius(case, directory, dsn, known)).port
        contest = Contest(generator, Loads(directory, users, kvar.tokens, size.logins), ports)
        _take_turns(contest, size)
        rows = [*_at_half(contest, size), *_kept(contest, kvar, dsn), *workers.memory()]
        return [*table.rates(contest), *rows, *table.machine(contest)]


def _start_ceiling(stack: ExitStack, generator: Generator) -> int:
    port = free_port()
    stack.callback(stop, generator.echo(port))
    return port


def _start_echo(stack: ExitStack) -> int:
    port = free_port()
    command = [sys.executable, "-m", "bench.radius_echo", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    stack.callback(stop, process)
    if process.stdout is None or process.stdout.readline() != b"ready\n":
        raise LabError("the echo server did not start")
    return port


def _take_turns(contest: Contest, size: Size) -> None:
    span = Span(size.warm_up, size.seconds)
    for _ in range(size.rounds):
        for trial in table.TRIALS:
            is_ours = trial.server.startswith("kvar")
            contest.run(trial, span, size.records if is_ours else size.peer_records)


def _at_half(contest: Contest, size: Size) -> list[Row]:
    """Return how long answers take at half of the highest rate, sent at a steady pace."""
    span = Span(min(size.warm_up, 500), size.seconds)
    rows = []
    for what, trial in (("MAC authentication", table.MAC), ("accounting", table.WRITTEN)):
        rate = contest.outcomes[trial].rate / 2
        rows.append(table.half_row(what, contest.paced(trial, rate, span), rate))
    return rows


def _kept(contest: Contest, kvar: Kvar, dsn: str) -> list[Row]:
    """Return whether each session that was acknowledged is in the database, once."""
    peer = asyncio.run(sessions_kept(dsn))
    found = {table.WRITTEN.server: kvar.sessions_kept(), ACCOUNTING.name: peer}
    return [table.kept_row(server, count, contest) for server, count in found.items()]
