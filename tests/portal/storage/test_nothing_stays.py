"""Nothing is kept longer than said: every table, a month and two years of time that passes.

The tables are those of the catalogue, not a list that somebody may forget to add to. What the
write-ahead log's archive remembers is in test_restored_copy.py.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from portal.domain.identity import MacAddress, SiteId
from portal.services.day_counting import DayCounting
from portal.services.key_ring import KeyRing
from portal.services.ports import DatabaseUnavailableError, Kept
from portal.services.ports.day_figures import OnlineDevice
from portal.services.ports.purging import Evidence
from portal.services.purging import Purging
from portal.storage.database import Database
from portal.storage.day_figures import PostgresDayFigures
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.storage.every_table import KEPT, STAYS

ZONE = ZoneInfo("Europe/Stockholm")
BEGIN = datetime(2023, 1, 2, tzinfo=UTC)
"""Long ago: the record of look-ups lets go of nothing that is younger than two years by the
database's own clock, whatever time it is told."""

DAYS = 36
PARTS = 3
MAC = MacAddress("02:00:00:00:00:01")
SLACK = timedelta(days=1)
"""Between two runs, here; the keeper's come every hour."""

NEXT_RUN = {"device_today"}
"""A day is counted when it is over."""

_TABLES = """
SELECT c.relname FROM pg_class AS c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


async def test_every_table_has_its_period_or_says_why_it_stays(database: Database) -> None:
    tables = {row["relname"] for row in await database.fetch(_TABLES)}
    assert tables == {*KEPT, *STAYS}, "name a new table in every_table.py, with its period"
    assert not {*KEPT} & {*STAYS}


class Years:
    """A database and a key ring in which time passes."""

    def __init__(self, connection: asyncpg.Connection, database: Database, keys: Path) -> None:
        self.connection = connection
        self.keys = KeyRing(keys)
        self.directory = keys
        figures = PostgresDayFigures(database)
        self.counting = DayCounting(figures, self.keys, ZONE, lambda: BEGIN)
        self.purging = Purging(
            PostgresUpkeep(database), self.keys, Kept(), "gateway", self.counting.close
        )
        self.upkeep = PostgresUpkeep(database)
        self.written: Counter[str] = Counter()
        self.deleted: Counter[str] = Counter()

    async def live_a_day(self, day: int) -> None:
        """Write a day's rows, and delete what is due at its end."""
        begin = BEGIN + timedelta(days=day)
        await self.connection.execute("TRUNCATE moment")
        await self.connection.executemany(
            "INSERT INTO moment VALUES ($1, $2)",
            [(day * PARTS + part, begin + timedelta(hours=8 * part)) for part in range(PARTS)],
        )
        for table, kept in KEPT.items():
            await self.connection.execute(kept.insert_into(table))
            self.written[table] += PARTS
        self.keys.trace(MAC, None, begin)
        self.keys.counted(MAC, begin.astimezone(ZONE).date())
        await self.purge(begin + timedelta(days=1))

    async def purge(self, now: datetime) -> Evidence:
        evidence = await self.purging.run(now)
        self.deleted.update(evidence.deleted)
        self.written["purge"] += 1
        await self.look(now)
        return evidence

    async def look(self, now: datetime) -> None:
        """Nothing older than its period is in any table, nor is a key older than its names."""
        ages = [" ".join([f"(SELECT min({kept.age})", "FROM", f"{table}) AS {table}"])
                for table, kept in KEPT.items()]  # fmt: skip
        row = await self.connection.fetchrow(" ".join(["SELECT", ", ".join(ages)]))
        assert row is not None
        for table, kept in KEPT.items():
            oldest = row[table]
            due = now - timedelta(hours=kept.hours)
            slack = SLACK if table in NEXT_RUN else timedelta(0)
            assert oldest is None or oldest >= due - slack, table
        for path in self.directory.glob("log-*.key"):
            week = datetime.strptime(f"{path.stem}-1", "log-%G-w%V-%u").replace(tzinfo=UTC)
            assert week > now - Kept().history - timedelta(days=14 + 7 + 7), path
        today = now.astimezone(ZONE).date()
        assert all(
            date.fromisoformat(path.stem.removeprefix("count-")) >= today
            for path in self.directory.glob("count-*.key")
        )

    async def left(self) -> Mapping[str, int]:
        return {
            table: await self.connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
            for table in KEPT
        }


@pytest.fixture
async def years(postgres_dsn: str, database: Database, tmp_path: Path) -> Years:
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE TEMPORARY TABLE moment (n integer, at timestamptz)")
    await connection.execute(
        "INSERT INTO staff_account (id, name, roles, created_at)"
        " VALUES (gen_random_uuid(), 'kim', '{it}', $1)",
        BEGIN,
    )
    return Years(connection, database, tmp_path / "keys")


async def test_nothing_stays_longer_than_said(years: Years) -> None:
    for day in range(DAYS):
        await years.live_a_day(day)
    month = BEGIN + timedelta(days=DAYS)
    left = await years.left()
    assert all(left[table] for table, kept in KEPT.items() if kept.hours >= 24 * 2), (
        "what is not due is still there, or all of this proves nothing"
    )
    for days in (50, 92, 366, 731):
        await years.purge(month + timedelta(days=days))
    await years.purge(month + timedelta(days=732))  # the evidence of the first run is due now
    left = await years.left()
    assert {table for table, count in left.items() if count} == {"purge", "audit", "staff_account"}
    assert left["audit"] == 1, "the newest row stays, so that the chain goes on from it"
    assert left["staff_account"] == 1, "the account that is in use"

    written: Counter[str] = Counter()
    for table, kept in KEPT.items():
        written[kept.deleted_as] += years.written[table] - left[table]
    del written[""]
    written["staff_accounts"] += 1  # in use from the beginning
    assert +years.deleted == +written, "the evidence counts exactly what was deleted"
    await years.connection.close()


async def test_the_evidence_is_written_and_read(years: Years) -> None:
    for day in range(9):
        await years.live_a_day(day)
    evidence = await years.purge(BEGIN + timedelta(days=30))
    assert await years.upkeep.last_run() == evidence
    assert evidence.deleted["attempts"] == 7 * PARTS  # those of two days went before
    assert evidence.oldest["attempts"] is None
    assert evidence.oldest["audit"] == BEGIN
    assert evidence.keys == ()
    later = await years.purge(BEGIN + timedelta(days=60))
    assert later.keys == ("log-2023-w01", "log-2023-w02")
    row = await years.connection.fetchrow("SELECT * FROM purge ORDER BY at DESC LIMIT 1")
    assert row is not None
    told = {*json.loads(row["deleted"]), *json.loads(row["oldest"])}
    assert all(name.replace("_", "").isalpha() for name in told), "classes, and nothing of a row"
    await years.connection.close()


class Falling(PostgresUpkeep):
    """A database that goes away: before the evidence is written, or just after."""

    def __init__(self, database: Database, *, written: bool) -> None:
        super().__init__(database)
        self._written, self.falls = written, True

    async def note(self, evidence: Evidence) -> None:
        if self._written or not self.falls:
            await super().note(evidence)
        if self.falls:
            raise DatabaseUnavailableError("gone")


@pytest.mark.parametrize("written", [False, True])
async def test_what_was_deleted_is_counted_once_though_the_database_goes_away(
    database: Database, tmp_path: Path, written: bool
) -> None:
    upkeep = Falling(database, written=written)
    purging = Purging(upkeep, KeyRing(tmp_path), Kept())
    insert = "INSERT INTO code_attempt (at, device, site_id) VALUES ($1, sha256('x'), 'city')"
    await database.fetch(insert, BEGIN)
    with pytest.raises(DatabaseUnavailableError):
        await purging.run(BEGIN + timedelta(days=8))
    upkeep.falls = False
    await database.fetch(insert, BEGIN)
    await purging.run(BEGIN + timedelta(days=9))
    rows = await database.fetch("SELECT deleted ->> 'code_attempts' AS n FROM purge ORDER BY at")
    assert [row["n"] for row in rows] == ["1", "1"]


# --- what is counted of a day ---------------------------------------------------------------------

CITY, BRANCH = SiteId("city"), SiteId("branch")


class Online(PostgresDayFigures):
    """Real tables, and devices as a test says."""

    devices: tuple[OnlineDevice, ...] = ()

    async def online(self, since: datetime, _now: datetime) -> tuple[OnlineDevice, ...]:
        return tuple(one for one in self.devices if one.started_at >= since)


def counting_keys(directory: Path) -> list[str]:
    return [path.stem for path in directory.glob("count-*.key")]


async def test_devices_are_counted_by_day_and_sessions_by_four_hours(
    database: Database, tmp_path: Path
) -> None:
    store, keys = Online(database), KeyRing(tmp_path)
    counting = DayCounting(store, keys, ZONE, lambda: BEGIN)
    morning = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    other = MacAddress("02:00:00:00:00:02")

    async def seen(hours: float, *devices: tuple[MacAddress, SiteId, float]) -> None:
        store.devices = tuple(
            OnlineDevice(mac, site, morning + timedelta(hours=began))
            for mac, site, began in devices
        )
        await counting.look(morning + timedelta(hours=hours))

    await seen(0, (MAC, CITY, -20), (other, CITY, 0))  # one from yesterday, one that came
    await seen(1, (other, CITY, 1))  # let in again after a short while: the same session
    await seen(4.9, (other, CITY, 1))
    await seen(5.5, (other, BRANCH, 5.4))
    await seen(9, (other, CITY, 9))  # after four hours: another session
    assert await counting.close(morning + timedelta(hours=10)) == 0, "the day is not over"
    assert counting_keys(tmp_path) == ["count-2026-11-25"]
    assert await counting.close(morning + timedelta(days=1)) == 3
    assert counting_keys(tmp_path) == []
    month = await store.read(date(2026, 11, 1), date(2026, 12, 1), ZONE.key)
    assert {(one.site_id, one.sessions, one.devices) for one in month.figures} == {
        *((CITY, 2, 2), (BRANCH, 1, 1)),
        (SiteId(""), 3, 2),
    }
    assert await counting.close(morning + timedelta(days=1, hours=1)) == 0
    assert await store.read(date(2026, 11, 1), date(2026, 12, 1), ZONE.key) == month


async def test_no_two_days_call_a_device_the_same(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path)
    days = [date(2026, 11, 25), date(2026, 11, 26)]
    names = [keys.counted(MAC, day) for day in days]
    assert names[0] != names[1]
    assert keys.destroy_counted_before(days[1]) == ["count-2026-11-25"]
    assert keys.counted(MAC, days[0]) != names[0], (
        "whoever has the table and the address has naught"
    )


async def test_days_are_the_organisations_own_and_are_counted_once(database: Database) -> None:
    """The autumn change: a local day of 25 hours."""
    midnight = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    samples = [midnight + timedelta(minutes=5 * n) for n in range(-1, 25 * 12 + 1)]
    await database.fetch(
        "INSERT INTO online_sample SELECT unnest($1::timestamptz[]), 'city', 2", samples
    )
    await database.fetch(
        "INSERT INTO online_sample SELECT unnest($1::timestamptz[]), 'branch', 1", samples[100:110]
    )
    store = PostgresDayFigures(database)
    for _ in range(2):
        await store.close(date(2026, 10, 26), date(2026, 10, 20), ZONE.key)
    month = await store.read(date(2026, 10, 1), date(2026, 11, 1), ZONE.key)
    told = {(one.day.day, one.site_id): (one.online_minutes, one.peak) for one in month.figures}
    assert told[25, CITY] == (25 * 60 * 2, 2)
    assert told[25, BRANCH] == (50, 1)
    assert told[25, SiteId("")] == (25 * 60 * 2 + 50, 3)
    assert told[24, CITY] == (10, 2)
    assert not any(day == 26 for day, _ in told)
