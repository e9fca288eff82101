"""Accounts against a plain model: whatever the batches and whoever writes, every column the same.

The model knows no batches, no memory and no locks: it takes one record after the other.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from portal.domain.accounting import (
    Account,
    Octets,
    Use,
    UseStatus,
    close_by_reboot,
    close_by_silence,
    follow,
)
from portal.domain.identity import MacAddress
from portal.domain.session import EndReason, Session
from portal.services.ports.accounting import Restart, UseRecord
from portal.storage.accounting import PostgresAccounts
from portal.storage.accounting_book import archived_name
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions
from portal.storage.statements import load_statements
from tests.portal.storage.test_accounting import SITE, counted, let_in, mac

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
START, INTERIM, STOP = UseStatus.START, UseStatus.INTERIM, UseStatus.STOP
DEVICES, VISITS, RADIOS = 6, 12, 3
_HUGE = (2**32 - 1, 2**32 + 5, 2**40, 2**53)


@dataclass
class Model:
    """What one record after the other makes of accounts and sessions."""

    sessions: dict[MacAddress, Session]
    accounts: dict[bytes, tuple[UseRecord, Account]] = field(default_factory=dict)
    added: dict[UUID, Octets] = field(default_factory=dict)
    seen_at: dict[UUID, datetime] = field(default_factory=dict)

    def tell(self, record: UseRecord | Restart) -> None:
        if isinstance(record, Restart):
            self._restart(record)
            return
        before = self.accounts.get(record.name)
        after = follow(before[1] if before else None, record.use)
        self.accounts[record.name] = (record, after.account)
        if after.earlier is not None:
            name = archived_name(record.name, after.earlier)
            self.accounts[name] = (record, after.earlier)
        self._add(record, after.account.session_id, after.added)

    def silent(self, access_point: str, since: datetime) -> None:
        for name, (record, account) in self.accounts.items():
            is_open = account.ended_at is None and record.access_point == access_point
            if is_open and account.heard_at < since:
                self.accounts[name] = (record, close_by_silence(account))

    def _restart(self, told: Restart) -> None:
        for name, (record, account) in self.accounts.items():
            is_here = (record.access_point, record.nas) == (told.access_point, told.nas)
            is_open = account.ended_at is None and account.started_at < told.at
            if is_here and is_open and told.bss in {b"", record.bss}:
                self.accounts[name] = (record, close_by_reboot(account, told.at))

    def _add(self, record: UseRecord, named: UUID | None, added: Octets) -> None:
        seen_at = min(record.use.happened_at, record.use.arrived_at)
        running = self.sessions.get(record.mac)
        if running is not None and running.id != named and running.started_at > seen_at:
            running = None
        is_live = named in {session.id for session in self.sessions.values()}
        session_id = named if is_live or running is None else running.id
        if session_id is None:
            return
        octets = added if record.counts_bytes else Octets()
        most = Octets(min(octets.upload, 2**62), min(octets.download, 2**62))
        total = self.added.get(session_id, Octets()).plus(most)
        self.added[session_id] = Octets(*(min(one, 2**63 - 1) for one in total))
        if is_live or running is not None:
            latest = self.seen_at.get(session_id, seen_at)
            self.seen_at[session_id] = max(latest, seen_at)


class Story:
    """Records as bad networks, worse access points and full days make them."""

    def __init__(self, chance: random.Random, now: datetime, sessions: Sequence[Session]) -> None:
        self._chance = chance
        self._now = now
        self._sessions = sessions
        self._told: list[UseRecord] = []

    def next(self, minute: int) -> UseRecord | Restart:
        chance = self._chance
        if self._told and chance.random() < 0.25:  # once more, perhaps much later
            again = chance.choice(self._told[-20:])
            arrived_at = again.use.arrived_at + chance.choice((0, 3, 700)) * SECOND
            return again._replace(use=again.use._replace(arrived_at=arrived_at))
        if chance.random() < 0.06:
            bss = chance.choice((b"", b"radio0", b"radio1"))
            return Restart(f"ap{chance.randrange(2)}", b"hall", bss, self._at(minute))
        record = self._use(minute)
        self._told.append(record)
        return record

    def _use(self, minute: int) -> UseRecord:
        chance = self._chance
        visit = chance.randrange(VISITS)
        status = chance.choice((START, INTERIM, INTERIM, INTERIM, STOP))
        use = Use(
            status,
            self._at(minute),
            self._now + minute * MINUTE + chance.choice((0, 0, 5)) * SECOND,
            self._octets(minute),
            None if chance.random() < 0.2 else chance.randrange(1, 60 * minute + 2) * SECOND,
            chance.choice((None, *(session.id for session in self._sessions))),
            chance.choice((None, 1, 4)),
        )
        return UseRecord(
            visit.to_bytes(32, "big"),
            mac(visit % DEVICES),
            use,
            f"ap{visit % 2}",
            SITE,
            b"hall",
            b"radio%d" % (visit % RADIOS),
            counts_bytes=visit % 5 != 0,
        )

    def _at(self, minute: int) -> datetime:
        return self._now + minute * MINUTE - self._chance.choice((0, 0, 1, 61, 1900)) * SECOND

    def _octets(self, minute: int) -> Octets | None:
        if self._chance.random() < 0.1:
            return None
        if self._chance.random() < 0.02:
            return Octets(self._chance.choice(_HUGE), self._chance.choice(_HUGE))
        return Octets(minute * 1000 + self._chance.randrange(3), minute * 9_000_000)


async def columns(database: Database) -> dict[bytes, tuple[object, ...]]:
    rows = await database.fetch("SELECT * FROM accounting_session")
    return {
        row["name"]: (
            *(row["access_point"], row["nas"], row["bss"], row["site_id"], row["session_id"]),
            *(row["started_at"], row["told_at"], row["heard_at"]),
            *(row["upload_octets"], row["download_octets"]),
            *(row["upload_before"], row["download_before"]),
            *(row["duration"], row["restarted_at"], row["ended_at"], row["closed_by"]),
            row["cause"],
        )
        for row in rows
    }


def expected(model: Model) -> dict[bytes, tuple[object, ...]]:
    most = 2**62
    return {
        name: (
            *(record.access_point, record.nas, record.bss, record.site_id, account.session_id),
            *(account.started_at, account.told_at, account.heard_at),
            *(min(octets, most) for octets in (*account.total, *account.before)),
            *(account.duration, account.restarted_at, account.ended_at, account.closed_by),
            account.cause,
        )
        for name, (record, account) in model.accounts.items()
    }


@pytest.mark.parametrize("seed", range(8))
async def test_batches_of_any_size_by_two_writers_are_as_one_record_after_the_other(
    postgres_dsn: str, now: datetime, seed: int
) -> None:
    """Two processes in turn, whose memories are old each time the other has written."""
    chance = random.Random(seed)
    async with Database(postgres_dsn, size=2, deadlines=Deadlines(30, 30)) as database:
        sessions = [await let_in(database, number, now) for number in range(DEVICES)]
        model = Model({session.mac: session for session in sessions})
        writers = [PostgresAccounts(database), PostgresAccounts(database)]
        story = Story(chance, now, sessions)
        minute = 1
        while minute < 90:
            batch = [story.next(minute) for _ in range(chance.choice((1, 1, 2, 5, 17)))]
            await chance.choice(writers).write(batch)
            for record in batch:
                model.tell(record)
            minute += chance.randrange(3)
            if chance.random() < 0.08:
                since = now + (minute - 15) * MINUTE
                await writers[0].close_silent({"ap0": since})
                model.silent("ap0", since)
            if chance.random() < 0.05 and model.sessions:
                gone = model.sessions.pop(chance.choice(list(model.sessions)))
                at = now + minute * MINUTE
                await PostgresSessions(database).end(gone.id, EndReason.LOGGED_OUT, at)
            if chance.random() < 0.05:
                number = chance.randrange(DEVICES)
                if mac(number) not in model.sessions:
                    begun = await let_in(database, number, now + minute * MINUTE)
                    model.sessions[mac(number)] = begun
                    sessions.append(begun)
        assert await columns(database) == expected(model)
        for session in sessions:
            assert await counted(database, session) == model.added.get(session.id, (0, 0))
        await _was_seen(database, model)


async def _was_seen(database: Database, model: Model) -> None:
    for session in model.sessions.values():
        row = await database.fetch_row(
            "SELECT last_seen_at FROM live_session WHERE id = $1", session.id
        )
        assert row is not None
        seen_at = model.seen_at.get(session.id, session.last_seen_at)
        assert row["last_seen_at"] == max(seen_at, session.last_seen_at)


@pytest.mark.parametrize("seed", range(4))
async def test_four_processes_at_once_lose_nothing(
    postgres_dsn: str, now: datetime, seed: int
) -> None:
    """Each with a memory of its own, all telling of the same visits, in pieces and mixed up."""
    chance = random.Random(seed)
    async with Database(postgres_dsn, size=8, deadlines=Deadlines(30, 30)) as wide:
        sessions = [await let_in(wide, number, now) for number in range(DEVICES)]
        records: list[UseRecord] = []
        for visit in range(VISITS):
            session = sessions[visit % DEVICES]
            for step in range(1, 9):
                total, at = Octets(step * 10, step * 1000), now + step * MINUTE
                use = Use(INTERIM, at, at, total, at - now, session.id)
                name = visit.to_bytes(32, "big")
                told = UseRecord(name, session.mac, use, f"ap{visit % 2}", SITE, b"hall")
                records += [told] * chance.choice((1, 2, 3))
        chance.shuffle(records)
        processes = [PostgresAccounts(wide) for _ in range(4)]
        batches = [records[at : at + 7] for at in range(0, len(records), 7)]
        lanes = [
            _write_all(processes[number % 4], batches[number::8], chance) for number in range(8)
        ]
        await asyncio.gather(*lanes)
        for session in sessions:
            assert await counted(wide, session) == (80 * 2, 8000 * 2)
        assert {row[8:10] for row in (await columns(wide)).values()} == {(80, 8000)}


async def test_what_ends_while_it_is_told_of_is_in_the_history(
    postgres_dsn: str, database: Database, now: datetime
) -> None:
    """It runs when it is looked for, and is gone when it is to be changed."""
    session = await let_in(database, 1, now)
    at = now + MINUTE
    use = Use(INTERIM, at, at, Octets(5, 50), MINUTE, session.id)
    told = UseRecord(bytes(32), mac(1), use, "ap", SITE, b"hall")
    ending = await asyncpg.connect(postgres_dsn)
    await ending.execute("BEGIN")
    await ending.fetch(load_statements("sessions")["end"], session.id, "logged_out", at)
    writing = asyncio.create_task(PostgresAccounts(database).write([told]))
    await asyncio.sleep(0.1)
    assert not writing.done(), "it waits for who ends the session"
    await ending.execute("COMMIT")
    await ending.close()
    await writing
    assert await counted(database, session) == (5, 50)


async def test_the_release_before_may_write_at_the_same_time(
    postgres_dsn: str, database: Database, now: datetime
) -> None:
    """It takes the access point's lock, reads, and writes over what it has read (0024)."""
    accounts, at = PostgresAccounts(database), now + MINUTE
    use = Use(INTERIM, at, at, Octets(5, 50), MINUTE)
    told = UseRecord(bytes(32), mac(1), use, "ap", SITE, b"hall")
    await accounts.write([told])
    before = await asyncpg.connect(postgres_dsn)
    await before.execute("BEGIN")
    [row] = await before.fetch("SELECT * FROM open_accounts($1, $2)", ["ap"], [bytes(32)])
    later = told._replace(use=use._replace(happened_at=at + MINUTE, octets=Octets(9, 90)))
    writing = asyncio.create_task(accounts.write([later]))
    await asyncio.sleep(0.05)
    assert not writing.done(), "it waits for who holds the lock"
    written = {**row, "heard_at": at + 3 * MINUTE}
    await before.fetch("SELECT * FROM write_accounts($1, '{}')", [tuple(written.values())[:18]])
    await before.execute("COMMIT")
    await before.close()
    await writing
    [row] = await database.fetch("SELECT * FROM accounting_session")
    assert (row["heard_at"], row["download_octets"]) == (at + 3 * MINUTE, 90)


async def test_what_forgets_an_account_as_it_is_told_of_loses_nothing_new(
    postgres_dsn: str, database: Database, now: datetime
) -> None:
    """Retention and erasure take no access point's lock: what was read may be gone meanwhile."""
    session, accounts = await let_in(database, 1, now), PostgresAccounts(database)
    name, at = bytes(32), now + MINUTE
    use = Use(INTERIM, at, at, Octets(5, 50), MINUTE, session.id)
    told = UseRecord(name, mac(1), use, "ap", SITE, b"hall")
    await accounts.write([told])
    later = at + MINUTE
    more = told._replace(use=Use(INTERIM, later, later, Octets(9, 90), 2 * MINUTE, session.id))
    forgetting = await asyncpg.connect(postgres_dsn)
    await forgetting.execute("BEGIN")
    await forgetting.execute("SELECT FROM live_session FOR UPDATE")
    await forgetting.execute("DELETE FROM accounting_session")
    restart = Restart("ap", b"other hall", b"", at)
    writing = asyncio.create_task(PostgresAccounts(database).write([restart, more]))
    await asyncio.sleep(0.1)
    assert not writing.done(), "it waits for who holds the session"
    await forgetting.execute("COMMIT")
    await forgetting.close()
    await writing
    [row] = await database.fetch("SELECT * FROM accounting_session")
    assert row["download_octets"] == 90


async def test_access_points_are_locked_in_one_order_whatever_the_collation(
    postgres_dsn: str, database: Database
) -> None:
    """`write_accounting` takes them as they are given; sorted by Swedish, "ap-2" is after "ap1"."""
    lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('accounting ' || $1, 0))"
    holding = await asyncpg.connect(postgres_dsn)
    await holding.execute("BEGIN")
    await holding.execute(lock, "b")
    both = load_statements("accounting")["lock"]
    waiting = asyncio.create_task(database.fetch(both, ["b", "a"]))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    assert [row[0] for row in await database.fetch(lock, "a")] == [True], "nobody has it"
    await holding.execute("COMMIT")
    await holding.close()
    await waiting


async def _write_all(
    accounts: PostgresAccounts, batches: Sequence[Sequence[UseRecord]], chance: random.Random
) -> None:
    for batch in batches:
        await accounts.write(batch)
        await asyncio.sleep(chance.random() / 100)
