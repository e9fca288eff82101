"""``make bench NAME=presence``: what it costs the keeper to know who is there.

A round happens twice a minute. Its pure part looks at every device and changes nothing; the whole
round asks a simulated gate over its socket and writes to a real PostgreSQL. The floors take turns
with it in the same run: comparing two dictionaries of counters, and the bare UPDATE with its
arrays ready. The keeper's CPU is the thread's own; gate and PostgreSQL are other processes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter, thread_time

import asyncpg

from bench.rows import Row, median
from bench.services_stage import postgres, simulated_gate
from firewall.client import GateClient
from portal.domain.identity import MacAddress, SiteId
from portal.domain.presence import Picture, Signals, Watch, observe, presence_of
from portal.domain.session import Session
from portal.domain.site import LoginMethod, Site
from portal.gate import AgentGate
from portal.keeper import PRESENCE_EVERY_S
from portal.services.presence import PresenceWatch
from portal.storage.database import Database
from portal.storage.sessions import PostgresSessions
from portal.storage.sightings import PostgresSightings

MAIN = SiteId("main")
SITES = {MAIN: Site(MAIN, "Main", (LoginMethod.CARD,), None)}
GOAL_PERCENT = 2.0
"""Of one core, at the largest number of devices, when every one of them is busy."""

_SESSIONS = """
INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because,
                          last_seen_at, trace_key, device_trace)
SELECT gen_random_uuid(), 'card', mac, 'main', now(), now() + interval '8 hours',
       'time_limit', now(), 'bench', sha256(mac::text::bytea)
FROM unnest($1::macaddr[]) AS mac
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure; the smallest still runs every line."""

    devices: tuple[int, ...] = (100, 1_000, 10_000)
    rounds: int = 10


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds: of the keeper's own CPU, and on the clock."""

    cpu: float
    wall: float


def measure(size: Size | None = None) -> list[Row]:
    """Measure the pure part and whole rounds at each number of devices."""
    size = size or Size()
    rows = [row for count in size.devices for row in _pure_rows(count, size.rounds)]
    return rows + asyncio.run(_whole_rows(size))


def macs_of(count: int) -> list[MacAddress]:
    """Return so many addresses."""
    return [MacAddress((0x02_00_00_00_00_00 + n).to_bytes(6).hex(":")) for n in range(count)]


# --- the pure part ------------------------------------------------------------------------------


def _pure_rows(count: int, rounds: int) -> list[Row]:
    """All devices are silent, and each one's silence is told; the floor only compares counters."""
    signals = {mac: Signals(1000, 2000, 500.0) for mac in macs_of(count)}
    pictures: dict[MacAddress, Picture] = {}
    before = dict.fromkeys(signals, (1000, 2000))
    pure, floor, watch = [], [], Watch()
    for turn in range(rounds + 1):
        began, now_s = thread_time(), 30.0 * turn
        watch = watch.looked(now_s)
        pictures = {mac: observe(pictures.get(mac), told, now_s) for mac, told in signals.items()}
        silent = [presence_of(picture, watch) for picture in pictures.values()]
        pure.append((thread_time() - began) * 1000)
        began = thread_time()
        same = [mac for mac, s in signals.items() if before[mac] == (s.up_bytes, s.down_bytes)]
        floor.append((thread_time() - began) * 1000)
        if len(silent) != len(same):
            raise AssertionError(silent)
    return [
        Row(f"presence, pure part of a round, {count:,} silent devices", median(pure[1:]),
            "ms CPU", median(floor[1:]), runs=rounds)
    ]  # fmt: skip


# --- whole rounds -------------------------------------------------------------------------------


class BusyGate(AgentGate):
    """The simulated gate's counters stand still; here those of a share of the devices move."""

    def __init__(self, client: GateClient, share: float) -> None:
        super().__init__(client)
        self._share = share
        self._turn = 0

    async def usage(self) -> Mapping[MacAddress, Signals]:
        """Return what the gate tells, with new bytes for the first devices of the list."""
        usage = dict(await super().usage())
        self._turn += 1
        moved = 1000 * self._turn
        for mac in list(usage)[: int(len(usage) * self._share)]:
            usage[mac] = Signals(moved, 2 * moved, 1.0)
        return usage


async def _whole_rows(size: Size) -> list[Row]:
    rows = []
    async with postgres() as dsn:
        for count in size.devices:
            async with _stage(dsn, count) as (database, client):
                rows += await _at(count, database, client, size.rounds)
    return rows


async def _at(count: int, database: Database, client: GateClient, rounds: int) -> list[Row]:
    rows = []
    for what, share in (("silent", 0.0), ("a tenth busy", 0.1), ("all busy", 1.0)):
        presence = _presence(database, BusyGate(client, share))
        bare = _bare_round(database, client, macs_of(count)[: int(count * share)])
        ours, floors = await _take_turns(presence, bare, rounds)
        cpu, floor = median([c.cpu for c in ours]), median([c.cpu for c in floors])
        percent = cpu / PRESENCE_EVERY_S / 10
        name = f"presence, whole round, {count:,} devices, {what}"
        holds = percent < GOAL_PERCENT
        rows += [
            Row(f"{name}, keeper", cpu, "ms CPU", floor, runs=rounds),
            Row(f"{name}, on the clock", median([c.wall for c in ours]), "ms",
                median([c.wall for c in floors]), runs=rounds),
            Row(f"{name}, of one core", percent, "%", goal=f"< {GOAL_PERCENT:.0f} %", holds=holds,
                runs=rounds),
        ]  # fmt: skip
    return rows


async def _take_turns(
    presence: PresenceWatch, bare: Callable[[int], Awaitable[None]], rounds: int
) -> tuple[list[Cost], list[Cost]]:
    """The first round writes everybody once and is not counted."""
    ours, floors = [], []
    for turn in range(rounds + 1):
        now = datetime.now(UTC)
        ours.append(await _cost(presence.look(now, 30.0 * turn)))
        floors.append(await _cost(bare(turn)))
    return ours[1:], floors[1:]


async def _cost(work: Awaitable[object]) -> Cost:
    cpu, wall = thread_time(), perf_counter()
    await work
    return Cost((thread_time() - cpu) * 1000, (perf_counter() - wall) * 1000)


def _presence(database: Database, gate: AgentGate) -> PresenceWatch:
    async def ended(_session: Session, _now: datetime) -> None:
        raise AssertionError("nobody is absent here")

    sessions, sightings = PostgresSessions(database), PostgresSightings(database)
    return PresenceWatch(sessions, sightings, gate, SITES, {MAIN: frozenset({"guest0"})}, ended)


_BARE_UPDATE = """
UPDATE live_session AS s SET upload_bytes = n.up, download_bytes = n.down, last_seen_at = $4
FROM unnest($1::macaddr[], $2::bigint[], $3::bigint[]) AS n(mac, up, down) WHERE s.mac = n.mac
"""


def _bare_round(
    database: Database, client: GateClient, macs: Sequence[MacAddress]
) -> Callable[[int], Awaitable[None]]:
    """Return the least that a round could do: ask, and write two counters and a time."""

    async def ask_and_write(turn: int) -> None:
        await client.usage()
        if macs:
            counters = [turn] * len(macs)
            await database.fetch(_BARE_UPDATE, macs, counters, counters, datetime.now(UTC))

    return ask_and_write


@asynccontextmanager
async def _stage(dsn: str, count: int) -> AsyncIterator[tuple[Database, GateClient]]:
    """So many sessions in the database, and their devices at a gate in a process of its own."""
    macs = macs_of(count)
    connection = await asyncpg.connect(dsn)
    await connection.execute("DELETE FROM live_session")
    await connection.execute(_SESSIONS, macs)
    await connection.execute("VACUUM ANALYZE live_session")
    await connection.close()
    async with simulated_gate() as client, Database(dsn, size=1) as database:
        await client.reconcile([(mac, 8 * 3600.0, "default") for mac in macs])
        yield database, client
