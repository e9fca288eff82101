"""Namespaces, and processes inside them that die with the lab.

Not a process supervisor: what ends is not started again.
The rule to keep: nobody in the lab's own process ever changes namespace; a command enters one
through `ip netns exec` in a child of its own. All children are started from one thread that lives
as long as the process, because PR_SET_PDEATHSIG fires when the *thread* that forked dies
(prctl(2)).
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import pathlib
import signal
import subprocess
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RUN_TIMEOUT_S = 60.0
NETNS_CONFIGURATION = pathlib.Path("/etc/netns")

_spawner = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-spawner")


class LabError(Exception):
    """The lab could not be built, or a command in it failed; the text says which and why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace, by the name that `ip netns` knows."""

    name: str

    @property
    def configuration(self) -> pathlib.Path:
        """The directory whose entries `ip netns exec` lays over /etc (ip-netns(8))."""
        return NETNS_CONFIGURATION / self.name

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` inside and kills it when its starter dies."""
        return ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self.name, *command]

    def run(
        self,
        command: Sequence[str],
        *,
        text: str | None = None,
        check: bool = True,
        timeout_s: float = RUN_TIMEOUT_S,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` inside to its end, with `text` on its standard input.

        Raises LabError when it takes longer than `timeout_s`, or ends other than 0 and `check`.
        """
        return run(
            self.argv(command), text=text, check=check, timeout_s=timeout_s, environment=environment
        )

    def spawn(  # noqa: PLR0913 - as subprocess.Popen
        self,
        command: Sequence[str],
        *,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `command` inside; it is killed when this process dies. End it with `stop`."""
        return _spawner.submit(
            subprocess.Popen,
            self.argv(command),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            env=environment,
        ).result()

    def ip(self, lines: Iterable[str], *, family: str = "") -> None:
        """Apply lines of `ip` commands (without the word ip) in order. Raises LabError."""
        flags = [family] if family else []
        run(["ip", *flags, "-n", self.name, "-batch", "-"], text="\n".join(lines) + "\n")

    def sysctl(self, settings: Mapping[str, str | int], *, tolerate: bool = False) -> None:
        """Set kernel parameters; with `tolerate`, those that the kernel lacks are passed over."""
        words = [f"{key}={value}" for key, value in settings.items()]
        flags = ["-q", "-e"] if tolerate else ["-q"]
        self.run(["sysctl", *flags, "-w", *words], check=not tolerate)

    def write_resolver(self, servers: Iterable[str]) -> None:
        """Give programs inside their own /etc/resolv.conf."""
        self.configuration.mkdir(parents=True, exist_ok=True)
        text = "".join(f"nameserver {server}\n" for server in servers)
        (self.configuration / "resolv.conf").write_text(text)


def run(
    argv: Sequence[str],
    *,
    text: str | None = None,
    check: bool = True,
    timeout_s: float = RUN_TIMEOUT_S,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command on the host to its end; raises LabError as `Namespace.run` does."""
    try:
        done = _spawner_run(argv, text=text, timeout_s=timeout_s, environment=environment)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv)}: no end after {timeout_s} s") from error
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
    return done


def _spawner_run(
    argv: Sequence[str],
    *,
    text: str | None,
    timeout_s: float,
    environment: Mapping[str, str] | None,
) -> subprocess.CompletedProcess[str]:
    """As subprocess.run, in the caller's thread: it waits for the end, so no thread can die."""
    return subprocess.run(
        argv,
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env=environment,
    )


def stop(process: subprocess.Popen[bytes], *, grace_s: float = 2.0) -> None:
    """End one child politely, then surely, and close its pipes."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
