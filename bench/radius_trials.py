"""Who is asked what in the RADIUS benchmark, taking turns; and what became of it.

A round asks everybody everything once, so that what the machine does beside falls on all alike.
Not the servers (radius_freeradius.py, radius_kvar.py) and not the table (radius.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from os import cpu_count
from pathlib import Path
from time import sleep

from bench.radius_load import Generator, Load, Measured, Span
from bench.radius_packets import (
    BLOCK,
    User,
    accounting,
    chap_logins,
    mac_authentications,
    pap_logins,
    write,
)
from bench.rows import median

REPORTS = 3
"""Start, Interim and Stop of each session."""
ACCEPT, ACCOUNTED = 2, 5
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Trial:
    """One server under one load. Of several with so many outstanding, or paced at a rate."""

    server: str
    load: str
    outstanding: int


@dataclass(slots=True)
class Outcome:
    """All rounds of one trial."""

    runs: list[Measured] = field(default_factory=list)
    sessions: int = 0
    """Of accounting: how many were begun and acknowledged."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return median([run.rate for run in self.runs])

    @property
    def p50_ms(self) -> float:
        """The median of the runs' medians."""
        return median([run.p50_ms for run in self.runs])

    @property
    def p99_ms(self) -> float:
        """The median of the runs' 99th percentiles."""
        return median([run.p99_ms for run in self.runs])

    @property
    def generator_percent(self) -> float:
        """Of one core, what the generator itself took."""
        return median([run.cpu_percent for run in self.runs])

    @property
    def is_clean(self) -> bool:
        """Whether every request had the answer it should have."""
        return all(run.is_clean for run in self.runs)

    @property
    def faults(self) -> str:
        """What was not as it should be, and how often."""
        kinds = ("lost", "refused", "forged", "skipped")
        sums = {kind: sum(getattr(run, kind) for run in self.runs) for kind in kinds}
        return ", ".join(f"{number} {kind}" for kind, number in sums.items() if number)


class Loads:
    """The packets. `tokens` gives logins by the token that each device has just now.

    Logins by address or password are made once. Accounting is made anew for every run, because its
    ids never repeat, and so are logins by token, because those are good for two minutes.
    """

    def __init__(
        self,
        directory: Path,
        devices: Sequence[User],
        tokens: Callable[[], Sequence[User]],
        most: int,
    ) -> None:
        self._directory = directory
        self._devices = devices
        self._tokens = tokens
        self._most = most
        self._seeds = count()
        self._logins = {
            "mac": self._write(mac_authentications(devices, most, 1)),
            "roaming": self._write(mac_authentications(devices, most, 3, roams=True)),
            "chap": self._write(chap_logins(devices, most, 2)),
        }

    def logins(self, name: str, *, is_echo: bool = False) -> Load:
        """Return logins of one kind."""
        if name == "token":
            made = self._write(pap_logins(self._tokens(), self._most, next(self._seeds)))
            return Load(made, ACCEPT, is_for_once=True)
        return Load(self._logins[name], 0 if is_echo else ACCEPT)

    def accounting(self, requests: int) -> Load:
        """Make so many requests at least."""
        blocks = -(-requests // (REPORTS * BLOCK))
        packets = accounting(self._devices, blocks, next(self._seeds))
        return Load(self._write(packets), ACCOUNTED, is_for_once=True)

    def _write(self, packets: Iterator[bytes]) -> Path:
        return write(packets, self._directory, "requests")


def sessions_of(sent: int) -> int:
    """Return how many sessions the first requests of an accounting load begin."""
    blocks, rest = divmod(sent, BLOCK * REPORTS)
    return blocks * BLOCK + min(rest, BLOCK)


class Contest:
    """Servers on their ports, asked by turns."""

    def __init__(self, generator: Generator, loads: Loads, ports: Mapping[str, int]) -> None:
        self.outcomes: dict[Trial, Outcome] = {}
        self.others_percent: list[float] = []
        """Of one core, what other programs used just before a run."""
        self._generator = generator
        self._loads = loads
        self._ports = ports

    def run(self, trial: Trial, span: Span, accounting_max: int) -> None:
        """Run one trial once; `accounting_max` is how many records to have ready."""
        load = self._load(trial, accounting_max)
        self.others_percent.append(busy_percent())
        measured = self._generator.closed(self._ports[trial.server], load, trial.outstanding, span)
        self._settle(trial, measured, load).runs.append(measured)

    def paced(self, trial: Trial, rate: float, span: Span) -> Measured:
        """Run one trial at a rate."""
        requests = int(rate * (span.seconds + 1)) + span.warm_up
        load = self._load(trial, requests)
        measured = self._generator.paced(self._ports[trial.server], load, rate, span)
        self._settle(trial, measured, load)
        return measured

    def _settle(self, trial: Trial, measured: Measured, load: Load) -> Outcome:
        outcome = self.outcomes.setdefault(trial, Outcome())
        if load.code == ACCOUNTED:
            outcome.sessions += sessions_of(measured.sent)
        if load.is_for_once:
            load.packets.unlink()
        return outcome

    def _load(self, trial: Trial, records: int) -> Load:
        if trial.load == "accounting":
            return self._loads.accounting(records)
        return self._loads.logins(trial.load, is_echo=trial.server in {"ceiling", "echo"})


def busy_percent(look: Callable[[float], None] = sleep) -> float:
    """Return how much of one core anybody uses while nothing is measured, in percent."""
    before = _ticks()
    look(LOOK_S)
    busy, every = (now - then for now, then in zip(_ticks(), before, strict=True))
    return 100 * (cpu_count() or 1) * busy / every if every else 0.0


def _ticks() -> tuple[int, int]:
    """Busy and all ticks: user nice system idle iowait irq softirq steal (proc(5), stat)."""
    first = Path("/proc/stat").read_text().partition("\n")[0]
    fields = [int(word) for word in first.split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)
