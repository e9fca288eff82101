"""Which labs exist, who owns them, and how a dead owner's lab is removed.

Each lab has a directory /run/kvar-lab/<id> (in a container /dev/shm/kvar-lab/<id>) with a lock file
that its owner holds for life (flock(2) goes away with the process, even after kill -9). The rule to
keep: a lab whose lock can be taken has no owner, and everything named kv<id>- may be removed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import fcntl
import os
import pathlib
import secrets
import shutil
import signal
import time
from typing import IO, TYPE_CHECKING

from firewall.lab.processes import NETNS_CONFIGURATION, LabError, run

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = pathlib.Path("/dev/shm")  # noqa: S108 - only a directory of our own is used there
ROOM_BYTES = 1 << 30
"""What a few labs with a PostgreSQL each fill; Docker gives 64 MB unless it is asked for more."""


def _root() -> pathlib.Path:
    """/run is memory on every Debian and Ubuntu, but a disk in most containers."""
    run = pathlib.Path("/run")
    if run.is_mount() or not MEMORY.is_mount() or shutil.disk_usage(MEMORY).total < ROOM_BYTES:
        return run / "kvar-lab"
    return MEMORY / "kvar-lab"


ROOT = _root()
GONE_TIMEOUT_S = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class LabState:
    """One lab on this machine: `owner_pid` is 0 when its owner is dead."""

    id: str
    owner_pid: int
    namespaces: tuple[str, ...]


class RunDirectory:
    """This process's claim on one lab id; `release` gives it up."""

    def __init__(self) -> None:
        with _everything_locked():
            self.id = _free_id()
            self.path = ROOT / self.id
            self.path.mkdir(mode=0o755)
            self._lock: IO[str] = (self.path / "owner").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    @property
    def made_at(self) -> dt.datetime:
        """When the lab began, in UTC, by the file system's clock."""
        return dt.datetime.fromtimestamp(self.path.stat().st_mtime, dt.UTC)

    def release(self) -> None:
        """Remove the lab's namespaces and files; safe to call twice."""
        remove(self.id)
        self._lock.close()


def sweep() -> list[str]:
    """Remove every lab whose owner is dead; returns their ids."""
    with _everything_locked():
        dead = [state.id for state in _states() if state.owner_pid == 0]
        for lab in dead:
            remove(lab)
    return dead


def running() -> list[LabState]:
    """All labs on this machine, dead ones too."""
    with _everything_locked():
        return _states()


def remove(lab: str) -> None:
    """Kill all processes of a lab, delete its namespaces, its /etc/netns parts and its files."""
    for name in namespaces_of(lab):
        remove_namespace(name)
    for configuration in NETNS_CONFIGURATION.glob(f"kv{lab}-*"):
        shutil.rmtree(configuration, ignore_errors=True)
    with contextlib.suppress(OSError):
        NETNS_CONFIGURATION.rmdir()  # only when empty, that is: nobody else's
    shutil.rmtree(ROOT / lab, ignore_errors=True)


def remove_namespace(name: str) -> None:
    """Kill all processes of one namespace and delete it with its /etc/netns part."""
    _kill_all(name)
    run(["ip", "netns", "delete", name], check=False)
    shutil.rmtree(NETNS_CONFIGURATION / name, ignore_errors=True)


def namespaces_of(lab: str) -> tuple[str, ...]:
    """The names of the lab's namespaces that exist."""
    return tuple(sorted(path.name for path in pathlib.Path("/run/netns").glob(f"kv{lab}-*")))


def _kill_all(namespace: str) -> None:
    """Kill until nobody is left in the namespace: a killed parent may just have forked."""
    give_up = time.monotonic() + GONE_TIMEOUT_S
    while pids := run(["ip", "netns", "pids", namespace], check=False).stdout.split():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        if time.monotonic() > give_up:
            raise LabError(f"{namespace}: processes {pids} do not die")
        time.sleep(0.01)


def _states() -> list[LabState]:
    labs = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
    return [LabState(lab, _owner(ROOT / lab / "owner"), namespaces_of(lab)) for lab in labs]


def _owner(lock: pathlib.Path) -> int:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return 0
    except BlockingIOError:
        return int(lock.read_text() or "-1")
    return 0


def _free_id() -> str:
    while (ROOT / (lab := secrets.token_hex(2))).exists():
        pass
    return lab


@contextlib.contextmanager
def _everything_locked() -> Iterator[None]:
    """Between making a directory and locking it, nobody may sweep."""
    ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    if ROOT.is_symlink() or ROOT.stat().st_uid != os.geteuid():
        raise LabError(f"{ROOT} is somebody else's")  # anybody may make a directory in /dev/shm
    with (ROOT / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
