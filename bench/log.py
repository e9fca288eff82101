"""``make bench NAME=log``: the console's log on ten million sessions over two years.

Whole pages of the staff site over HTTP, with a signed-in account of IT, each filter over all two
years. The floor of a page is the very statements that it sends, run bare in ``psql``: prepared,
and without compiling them (``jit``), as ours are. Both on a PostgreSQL with its default settings,
and take turns. Every fifth session has its events, and every fifth stands for a refused sign-in.
"""

import asyncio
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg

from bench.history import indexes_built_afterwards, seed_events, seed_sessions, settle
from bench.rows import Row, median, percentile
from bench.services_stage import postgres
from portal.domain.session_log import LogFilter, Named, mondays, sought_in_weeks
from portal.domain.staff_account import Role
from portal.storage import session_log
from portal.storage.database import Database
from portal.storage.session_log import PostgresSessionLog
from tests.portal.web.staff.staff_under_test import NOW, SITES, Person, running_staff_site

SPAN = timedelta(days=728)
SINCE = NOW - SPAN
DEVICES = 20_000
"""A week: each comes about five times."""

GOAL_MS = 200.0
GOAL_GROWTH_MB = 10.0
_STATEMENTS = frozenset(session_log.STATEMENTS)
_PSQL_TIME = re.compile(r"^Time: ([\d.]+) ms", re.MULTILINE)
_MORE = re.compile(r'href="(/log\?[^"]*after=[^"]+)"')


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure; the smallest still runs every line."""

    sessions: int = 10_000_000
    events_one_in: int = 5
    runs: int = 21
    pages: int = 500


class Recorder(Database):
    """The real door, which notes the log's statements."""

    asked: list[tuple[str, tuple[object, ...]]]
    listens = False

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Note, and ask."""
        self._note(sql, values)
        return await super().fetch(sql, *values)

    async def fetch_by_kept_plan(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Note, and ask."""
        self._note(sql, values)
        return await super().fetch_by_kept_plan(sql, *values)

    def _note(self, sql: str, values: tuple[object, ...]) -> None:
        if self.listens and sql in _STATEMENTS:
            self.asked.append((sql, values))

    @contextmanager
    def listening(self) -> Iterator[list[tuple[str, tuple[object, ...]]]]:
        """Note what is asked meanwhile."""
        self.asked, self.listens = [], True
        yield self.asked
        self.listens = False


@dataclass
class Stage:
    """A page's asker, and the doors to the same database."""

    dsn: str
    database: Recorder
    ida: Person
    size: Size
    rows: list[Row] = field(default_factory=list)


def measure(size: Size | None = None) -> list[Row]:
    """Measure everything on one database."""
    return asyncio.run(_measure(size or Size()))


async def _measure(size: Size) -> list[Row]:
    async with postgres() as dsn:
        began = perf_counter()
        connection = await asyncpg.connect(dsn)
        async with indexes_built_afterwards(connection):
            await seed_sessions(connection, SINCE, SPAN, size.sessions, DEVICES)
            await seed_events(connection, size.events_one_in)
        await settle(connection)
        seeding = perf_counter() - began
        stored = await connection.fetchval("SELECT pg_database_size(current_database())")
        await connection.close()
        with tempfile.TemporaryDirectory() as keys:
            async with (
                Recorder(dsn) as database,
                running_staff_site(database, Path(keys)) as world,
            ):
                stage = Stage(dsn, database, await world.enrol("ida", Role.IT, sites=None), size)
                await _filters(stage)
                await _one_session(stage)
                await _look_up(stage)
                await _memory(stage)
    return [
        Row(f"{size.sessions:,} sessions and their events, written in", seeding, "s"),
        Row("the database with them", stored / 1e9, "GB"),
        *stage.rows,
    ]


# --- pages --------------------------------------------------------------------------------------

_ALWAYS = f"from={SINCE:%Y%m%dT%H%M}&to={NOW + timedelta(days=1):%Y%m%dT%H%M}"
_FILTERS = {
    "everything": "",
    "today": "period=today",
    "one library": "site=city",
    "one method": "ground=voucher",
    "one outcome": "outcome=logged_out",
    "a rare outcome": "outcome=revoked",
    "what never happens": "site=bus&ground=card",
    "library, method and outcome": "site=branch&ground=card&outcome=time_limit",
    "a page in the middle of it": f"after={NOW - SPAN / 2:%Y%m%dT%H%M%S%f}.{'f' * 32}",
    "who is online": "outcome=online",
    "one controller": "point=branch",
    "one access point": "point=branch%2FAP-7",
    "an access point that hardly anybody uses": "point=cellar",
}
_REFUSED = {"refused sign-ins": "", "refused for a rare reason": "reason=card.blocked"}


async def _filters(stage: Stage) -> None:
    for name, query in _FILTERS.items():
        times = "" if query.startswith("period") else _ALWAYS
        await _page(stage, f"log, {name}", f"/log?{times}&{query}")
    for name, query in _REFUSED.items():
        await _page(stage, f"log, {name}", f"/log/refused?{_ALWAYS}&{query}")
    await _page(stage, "what staff did", f"/audit/changes?{_ALWAYS}")


async def _one_session(stage: Stage) -> None:
    row = await stage.database.fetch_row(
        "SELECT session_id AS id, at, device_trace FROM event WHERE kind = 'session_started'"
        " AND at > $1 ORDER BY at LIMIT 1",
        NOW - SPAN / 2,
    )
    if row is None:
        raise AssertionError("no session has events")
    key = f"{row['at']:%Y%m%dT%H%M%S%f}.{row['id'].hex}"
    await _page(stage, "one session's time-line", f"/log/session?one={key}")
    name = f"D-{row['device_trace'][:4].hex().upper()}"
    await _page(stage, "log, one device by its name", f"/log?{_ALWAYS}&name={name}")


async def _page(stage: Stage, what: str, path: str) -> None:
    """Measure a page beside its own statements in psql, by turns."""
    with stage.database.listening() as asked:
        answer = await stage.ida.get(path)
    if answer.status != 200:
        raise AssertionError(answer)
    statements = list(asked)
    ours: list[float] = []
    floor = await asyncio.to_thread(_in_psql, stage.dsn, statements, 3)
    floor.clear()
    for _ in range(stage.size.runs):
        began = perf_counter()
        await stage.ida.get(path)
        ours.append((perf_counter() - began) * 1000)
    floor += await asyncio.to_thread(_in_psql, stage.dsn, statements, stage.size.runs)
    stage.rows.append(_row(what, ours, floor))


def _row(what: str, ours: Sequence[float], floor: Sequence[float]) -> Row:
    value, base = median(ours), median(floor)
    holds = value < GOAL_MS
    return Row(what, value, "ms", base, goal=f"< {GOAL_MS:g} ms", holds=holds, runs=len(ours))


async def _look_up(stage: Stage) -> None:
    """Somebody's device over two years: another name every week, as a look-up by address asks."""
    log = PostgresSessionLog(stage.database)
    weeks = mondays(SINCE, NOW)
    for what in Named:
        letter = what.name[0].lower()  # as bench/history.py names them
        names = [sha256(f"{letter}7{monday:%G%V}".encode()).digest() for monday in weeks]
        sought = sought_in_weeks(what, zip(weeks, names, strict=True))
        wanted = LogFilter(SINCE, NOW, tuple(SITES), every_site=True, sought=sought)
        with stage.database.listening() as asked:
            await log.page(wanted, None, 51)
        statements, ours = list(asked), []
        for _ in range(stage.size.runs):
            began = perf_counter()
            await log.page(wanted, None, 51)
            ours.append((perf_counter() - began) * 1000)
        floor = await asyncio.to_thread(_in_psql, stage.dsn, statements, stage.size.runs)
        stage.rows.append(
            _row(f"a {what.name.lower()} under {len(weeks)} weeks' names", ours, floor)
        )


async def _memory(stage: Stage) -> None:
    """Read on from page to page: what the process holds must not grow with what was read."""
    path, took = f"/log?{_ALWAYS}", []
    held = 0.0
    for number in range(stage.size.pages):
        began = perf_counter()
        answer = await stage.ida.get(path)
        took.append((perf_counter() - began) * 1000)
        more = _MORE.search(answer.body)
        if number == stage.size.pages // 5:
            held = _held_mb()
        if more is not None:
            path = more.group(1).replace("&amp;", "&")
    growth = _held_mb() - held
    what = f"reading on, {stage.size.pages} pages"
    stage.rows += [
        Row(f"{what}, p95", percentile(took, 95), "ms", goal=f"< {GOAL_MS:g} ms",
            holds=percentile(took, 95) < GOAL_MS, runs=len(took)),
        Row(f"{what}, memory grew by", growth, "MB", goal=f"< {GOAL_GROWTH_MB:g} MB",
            holds=growth < GOAL_GROWTH_MB),
    ]  # fmt: skip


def _held_mb() -> float:
    status = Path("/proc/self/status").read_text("utf-8")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return float(found.group(1)) / 1000 if found else 0.0


# --- the floor ----------------------------------------------------------------------------------


def _in_psql(
    dsn: str, statements: Sequence[tuple[str, Sequence[object]]], runs: int
) -> list[float]:
    """Return how long psql says that a round of the statements takes, so many times."""
    prepared = [f"PREPARE q{n} AS {sql};" for n, (sql, _) in enumerate(statements)]
    calls = [f"EXECUTE q{n}({_listed(values)});" for n, (_, values) in enumerate(statements)]
    script = ["SET jit = off;", "\\o /dev/null", *prepared, "\\timing on", *(calls * runs)]
    argv = ["psql", "--no-psqlrc", "--quiet", dsn]
    done = subprocess.run(
        argv, input="\n".join(script), capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        raise AssertionError(done.stderr)
    times = [float(time) for time in _PSQL_TIME.findall(done.stdout)]
    each = len(statements)
    return [sum(times[at : at + each]) for at in range(0, len(times), each)]


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(_literal, values))


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return "'{" + ",".join(f'"{_plain(one)}"' for one in value) + "}'"
    return f"'{_plain(value)}'".replace("\\\\x", "\\x")  # only an array's need two


def _plain(value: object) -> str:
    match value:
        case bytes():
            return "\\\\x" + value.hex()
        case datetime():
            return value.isoformat()
        case _:
            return str(value)
