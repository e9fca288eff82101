"""Composes ``kvar upgrade``: the next release in the place of this one, and back when it fails.

A release is a folder with ``bin/kvar``; a link names the one in use. The rule to keep: this
release goes on serving until the next one's schema stands, and its folder is not touched.

Guests who are online notice nothing: the kernel lets them through, whoever runs. New ones wait for
the portal's restart.
"""

import asyncio
import fcntl
import os
import shlex
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from portal import settings
from portal.composition.start import StartError
from portal.config import Config

SYSTEMD = "systemctl try-restart kvar-{}.service"
"""Waits until the new process says that it is ready, or has failed."""
_RELOAD = ("systemctl", "daemon-reload")
_STATE = ("systemctl", "show", "--value", "--property=ActiveState")
_RUNNING = frozenset({"active", "activating", "reloading"})
"""One that waits for its database, or that is started again and again, is activating."""
MIGRATION_S = 3600.0
RESTART_S = 90.0
LOOK_EVERY_S = 0.5
LOOKS = 3
"""So many in a row: a process that dies a moment after its start is not well."""
ANSWER_S = 3.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line was told. ``restart`` has ``{}`` for the name of a process."""

    link: Path
    release: Path
    restart: str = SYSTEMD
    patience_s: float = 60.0


class _FailedError(Exception):
    """A step did not work; the text is for whoever upgrades."""


async def upgrade(config: Config, config_file: Path, wish: Wish) -> str:
    """Back up, migrate, change over, and look; go back when anything is wrong.

    Raises:
        StartError: the release before runs again, or runs still; the text says why.
    """
    before = wish.link.resolve()
    if not (wish.release / "bin" / "kvar").exists():
        raise StartError(f"{wish.release} is no release of Kvar: it has no bin/kvar")
    with _alone(before):
        return await _upgrade(_Change(config, config_file, wish), wish, before)


@contextmanager
def _alone(release: Path) -> Iterator[None]:
    """Keep a second one out; nothing is written for it.

    Raises:
        StartError: another is under way.
    """
    try:
        folder = os.open(release, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as problem:
        raise StartError(
            f"{release} is in use, and cannot be read: {problem.strerror}"
        ) from problem
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise StartError("another upgrade is under way; nothing was changed") from problem
        yield
    finally:
        os.close(folder)


async def _upgrade(change: "_Change", wish: Wish, before: Path) -> str:
    try:
        idle = await change.leave_out_what_does_not_run()
        said = await change.back_up(before)
        await change.migrate(wish.release)
    except _FailedError as problem:
        raise StartError(f"nothing was changed, and {before} runs on: {problem}") from problem
    try:
        await change.over_to(wish.release)
    except _FailedError as problem:
        await _go_back(change, before, said, problem)
        raise StartError(f"{wish.release} did not work, and {before} runs again: {problem}") from (
            problem
        )
    start = "did not run, and was left so; to have it: systemctl enable --now"
    told = "".join(f"\n{part} is configured and {start} kvar-{part}" for part in idle)
    return f"{wish.release} runs; the backup of before: {said}{told}"


async def _go_back(change: "_Change", before: Path, backup: str, reason: _FailedError) -> None:
    """Run the release of before again.

    Raises:
        StartError: it cannot: its schema is over, or it is not well either.
    """
    _log.warning("upgrade_failed", reason=str(reason))
    try:
        await change.migrate(before)  # applies nothing: asks whether the schema still takes it
        await change.over_to(before)
    except _FailedError as problem:
        raise StartError(
            f"the upgrade failed ({reason}), and so did the way back ({problem}). Stop Kvar, and "
            f"restore with --replace: {backup}"
        ) from problem


class _Change:
    """From one release to another, in either direction."""

    def __init__(self, config: Config, config_file: Path, wish: Wish) -> None:
        self._config_file = config_file
        self._link = wish.link
        self._restart = wish.restart
        self._patience_s = wish.patience_s
        self._ports = _ports(config)
        self._parts = [*(["gate"] if settings.has_gate(config) else []), *self._ports]

    async def leave_out_what_does_not_run(self) -> list[str]:
        """Return what is configured and does not run: it is not started, and not waited for."""
        idle = [part for part in self._parts if not await self._runs(part)]
        self._parts = [part for part in self._parts if part not in idle]
        self._ports = {part: port for part, port in self._ports.items() if part not in idle}
        return idle

    async def _runs(self, part: str) -> bool:
        if self._restart == SYSTEMD:
            return (await _run([*_STATE, f"kvar-{part}.service"], RESTART_S)).strip() in _RUNNING
        port = self._ports.get(part)
        return port is None or await _answer(port) is not None

    async def back_up(self, release: Path) -> str:
        """Back up by a release's own program; return where, as it says."""
        return (await self._kvar(release, "backup")).partition("\n")[0]

    async def migrate(self, release: Path) -> None:
        """Bring the schema to a release's, by its own program."""
        await self._kvar(release, "migrate")

    async def _kvar(self, release: Path, command: str) -> str:
        program = str(release / "bin" / "kvar")
        return await _run([program, "--config", str(self._config_file), command], MIGRATION_S)

    async def over_to(self, release: Path) -> None:
        """Name the release by the link, restart one process after the other, and look at all."""
        _point(self._link, release)
        if self._restart == SYSTEMD:
            await _run(_RELOAD, RESTART_S)  # the units are a release's own
        for part in self._parts:
            await _run(shlex.split(self._restart.format(part)), RESTART_S)
            _log.info("part_restarted", part=part, release=str(release))
        for part, port in self._ports.items():
            await self._wait_for(part, port)

    async def _wait_for(self, part: str, port: int) -> None:
        clock = asyncio.get_running_loop().time
        deadline, well = clock() + self._patience_s, 0
        while well < LOOKS:
            well = well + 1 if b" 200 " in (await _answer(port) or b"") else 0
            if clock() > deadline:
                raise _FailedError(f"{part} was not ready within {self._patience_s:.0f} s")
            await asyncio.sleep(LOOK_EVERY_S)


def _ports(config: Config) -> dict[str, int]:
    """Return the processes to restart, the portal last, with the ports of their health."""
    ports = {"keeper": config.keeper.health_port}
    if config.radius is not None:
        ports["radius"] = config.radius.health_port
    if config.staff is not None:
        ports["staff"] = config.staff.health_port
    return ports | {"portal": config.portal.health_port}


def _point(link: Path, release: Path) -> None:
    """Let the link name another release, at one moment."""
    draft = link.with_name(f"{link.name}.next")
    draft.unlink(missing_ok=True)
    draft.symlink_to(release)
    draft.replace(link)


async def _run(command: Sequence[str], longest_s: float) -> str:
    """Return what it said."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env={"PATH": os.defpath}
        )
        async with asyncio.timeout(longest_s):
            said, errors = await process.communicate()
    except OSError as problem:  # TimeoutError is one
        reason = str(problem) or f"no end within {longest_s:.0f} s"
        raise _FailedError(f"{' '.join(command)}: {reason}") from problem
    if process.returncode:
        words = errors.decode(errors="replace").strip().splitlines() or ["it failed"]
        raise _FailedError(f"{' '.join(command)}: {words[-1]}")
    return said.decode(errors="replace")


async def _answer(port: int) -> bytes | None:
    """Return the first line of what a process says of itself; None: nothing."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
                return await reader.readline()
            finally:
                writer.close()
    return None
