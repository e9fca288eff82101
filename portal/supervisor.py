"""Child processes of ``kvar run``: started, watched, and started again when they die.

Not a service manager: on an installed machine systemd does this. The rule to keep: a child that
dies never takes another with it, and no child outlives its parent.
"""

import asyncio
import pwd
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
HEALTHY_AFTER_S = 5.0
STOP_TIMEOUT_S = 5.0

log = structlog.get_logger()


class UnknownUserError(Exception):
    """A process is to run as a user that this machine does not have."""


@dataclass(frozen=True, slots=True)
class Child:
    """A command to run in a process of its own.

    ``user`` (a name; empty: unchanged) and ``capabilities`` (``net_admin``) take
    effect only when the parent is root; every other capability is dropped then.
    """

    name: str
    argv: tuple[str, ...]
    user: str = ""
    capabilities: tuple[str, ...] = ()


def command_line(child: Child) -> list[str]:
    """Return the argv that runs the child: setpriv(1) drops privileges and ties it to us."""
    argv = ["setpriv", "--pdeathsig", "TERM"]
    if child.user:
        kept = "".join(f",+{capability}" for capability in child.capabilities)
        account = find_account(child.user)
        argv += [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        argv += [f"--{kind}=-all{kept}" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    return [*argv, "--", *child.argv]


def find_account(user: str) -> pwd.struct_passwd:
    """Return the account of that name.

    Raises:
        UnknownUserError: there is none.
    """
    try:
        return pwd.getpwnam(user)
    except KeyError as problem:
        raise UnknownUserError(f"there is no user {user!r}; make it, or change it") from problem


class Alive:
    """The processes that run now, for those who have something to tell all of them."""

    def __init__(self) -> None:
        self.processes: set[Process] = set()

    def signal(self, number: signal.Signals) -> None:
        """Send it to each; one that dies meanwhile is started again anyway."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(number)


async def supervise(children: Sequence[Child], alive: Alive | None = None) -> None:
    """Run the children until cancelled; then stop them and wait for them.

    ``alive`` is kept as they come and go.
    """
    alive = alive or Alive()
    async with asyncio.TaskGroup() as group:
        for child in children:
            group.create_task(_keep_running(child, alive), name=child.name)


async def _keep_running(child: Child, alive: Alive) -> None:
    loop = asyncio.get_running_loop()
    pause_s = FIRST_PAUSE_S
    while True:
        started = loop.time()
        code = await _run_once(child, alive)
        lived_s = loop.time() - started
        log.warning("process_died", process=child.name, code=code, lived_s=round(lived_s, 3))
        pause_s = FIRST_PAUSE_S if lived_s > HEALTHY_AFTER_S else min(pause_s * 2, LONGEST_PAUSE_S)
        await asyncio.sleep(pause_s)


async def _run_once(child: Child, alive: Alive) -> int:
    process = await asyncio.create_subprocess_exec(*command_line(child))
    log.info("process_started", process=child.name, pid=process.pid)
    alive.processes.add(process)
    try:
        return await process.wait()
    finally:
        alive.processes.discard(process)
        await _stop(process)


async def _stop(process: Process) -> None:
    """Ask the process to end, and insist after STOP_TIMEOUT_S."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), STOP_TIMEOUT_S)
