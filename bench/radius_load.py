"""The load generator (radius_load.c): compiled when it is needed, run once a figure."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.radius_packets import SECRET

SOURCE = Path(__file__).with_name("radius_load.c")
OPTIONS = ("-O3", "-std=gnu11", "-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True, slots=True)
class Load:
    """A file of requests, and the code of a good answer (0: an echo).

    ``is_for_once``: nobody may send them again.
    """

    packets: Path
    code: int
    is_for_once: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """So many requests before anything counts, and so many seconds afterwards."""

    warm_up: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run saw. Latencies count from when a request was due, in a paced run too.

    ``lost`` had no answer after three repetitions; ``refused`` had a proved answer of another code;
    ``forged`` answers had a wrong authenticator and count as none; ``unproven`` ones had no
    Message-Authenticator, where an access point would want one. ``skipped`` requests were never
    sent, because their identifier was waiting for an answer still; ``stray`` answers had no
    request. ``cpu_percent`` is the generator's own, of one core.
    """

    seconds: float
    answered: int
    rate: float
    cpu_percent: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    sent: int
    lost: int
    resent: int
    refused: int
    forged: int
    unproven: int
    stray: int
    skipped: int

    @property
    def is_clean(self) -> bool:
        """Whether every request was sent and had the answer it should have."""
        return not (self.lost or self.refused or self.forged or self.skipped)


class Generator:
    """The compiled program."""

    def __init__(self, directory: Path) -> None:
        self._program = directory / "radius_load"
        subprocess.run(["gcc", *OPTIONS, "-o", self._program, SOURCE], check=True)

    def closed(self, port: int, load: Load, outstanding: int, span: Span) -> Measured:
        """Keep so many requests on their way."""
        return self._run("closed", port, load, str(outstanding), span)

    def paced(self, port: int, load: Load, rate: float, span: Span) -> Measured:
        """Send so many requests a second, whether or not answers come."""
        return self._run("paced", port, load, f"{rate:.1f}", span)

    def echo(self, port: int) -> subprocess.Popen[bytes]:
        """Start an echo server that is as fast as the generator can use."""
        return subprocess.Popen([self._program, "echo", str(port)])

    def _run(self, mode: str, port: int, load: Load, how_many: str, span: Span) -> Measured:
        command = [self._program, mode, str(port), SECRET.reveal().decode(), load.packets]
        numbers = [str(load.code), how_many, str(span.warm_up), str(span.seconds)]
        done = subprocess.run([*command, *numbers], stdout=subprocess.PIPE, check=True)
        return Measured(**json.loads(done.stdout))
