"""What waited on disk comes into the database: all of it, each record once, whoever dies when.

Failure direction: with the database away everything waits on; a record that can never be written
is put aside and holds nothing up.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.returning import Ticket
from portal.domain.session import Claim, EndReason, Ground, start
from portal.services.ports import DatabaseUnavailableError, Event, EventKind, Trace
from portal.services.ports.returning import Names
from portal.services.ports.spool import UnwrittenSession, UnwrittenSignOut
from portal.services.spooling import SpooledEvents, keep
from portal.storage.database import Database, Deadlines
from portal.storage.events import PostgresEvents
from portal.storage.replay import Replay
from portal.storage.returning import PostgresReturns
from portal.storage.sessions import PostgresSessions
from portal.storage.spool import DiskSpool

MAIN = SiteId("main")
DEVICE = Device(MacAddress("02:00:00:00:00:01"), MAIN)
TRACE = Trace("log-2026-w48", b"d" * 32)
NAME = Subject(b"n" * 32)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)

_DIES_AFTER_WRITING = """
import asyncio, os, signal, sys
from datetime import datetime
from pathlib import Path
from portal.storage.database import Database
from portal.storage.replay import Replay
from portal.storage.spool import DiskSpool

async def die(name):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with Database(sys.argv[1]) as database:
        replay = Replay(DiskSpool(Path(sys.argv[2])), database, die)
        await replay.drain(datetime.fromisoformat(sys.argv[3]))

asyncio.run(main())
"""


@pytest.fixture
def spool(tmp_path: Path) -> DiskSpool:
    return DiskSpool(tmp_path / "spool")


@pytest.fixture
def replay(spool: DiskSpool, database: Database) -> Replay:
    return Replay(spool, database)


def unwritten(now: datetime) -> UnwrittenSession:
    ends = (now + HOUR, EndReason.TIME_LIMIT)
    session = start(UUID(int=7), Claim(Ground.COURTESY), DEVICE, ends, now)
    return UnwrittenSession(session, TRACE, Subject(b"x" * 32))


def sign_out(at: datetime) -> UnwrittenSignOut:
    return UnwrittenSignOut(DEVICE, at, Names(TRACE.device, (NAME,)), at + HOUR)


def event(at: datetime) -> Event:
    return Event(EventKind.SIGN_IN_REFUSED, MAIN, at, TRACE, {"reason": "service"})


async def kinds(database: Database) -> Sequence[str]:
    rows = await database.fetch("SELECT kind FROM event ORDER BY at, id")
    return [row["kind"] for row in rows]


async def test_an_event_is_written_or_kept(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    async with Database("postgresql:///x?host=/nowhere", deadlines=Deadlines(0.1, 0.1)) as away:
        kept = SpooledEvents(PostgresEvents(away), spool)
        await kept.record(event(now))
        assert len(await spool.waiting()) == 1
        with pytest.raises(DatabaseUnavailableError):
            await Replay(spool, away).drain(now)
        assert len(await spool.waiting()) == 1
    await SpooledEvents(PostgresEvents(database), spool).record(event(now))
    assert await replay.drain(now) == 1
    assert await replay.drain(now) == 0
    assert await kinds(database) == ["sign_in_refused"] * 2


async def test_an_event_that_was_committed_unheard_is_not_doubled(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    one = event(now)
    await PostgresEvents(database).record(one)
    await spool.put(one)
    await replay.drain(now)
    assert await kinds(database) == ["sign_in_refused"]


async def test_who_dies_between_writing_and_removing_doubles_nothing(
    spool: DiskSpool,
    database: Database,
    postgres_dsn: str,
    replay: Replay,
    tmp_path: Path,
    now: datetime,
) -> None:
    records = [unwritten(now), event(now + SECOND), sign_out(now + 2 * SECOND)]
    for record in records:
        await spool.put(record)
    for left in (3, 2, 1):
        died = subprocess.run(  # noqa: ASYNC221 - nothing else runs meanwhile
            [
                *(sys.executable, "-c", _DIES_AFTER_WRITING),
                *(postgres_dsn, str(tmp_path / "spool"), now.isoformat()),
            ],
            check=False,
            timeout=60,
        )
        assert died.returncode == -signal.SIGKILL
        names = await spool.waiting()
        assert len(names) == left, "it died before it removed anything"
        await replay_first(replay, spool)
    assert await replay.drain(now) == 0
    assert await kinds(database) == ["session_started", "sign_in_refused", "session_ended"]
    rows = await database.fetch("SELECT ground, end_reason FROM past_session")
    assert [tuple(row) for row in rows] == [("courtesy", "logged_out")]


async def replay_first(replay: Replay, spool: DiskSpool) -> None:
    """Do for the first record what the dead one had left to do."""
    first, *_ = await spool.waiting()
    assert await replay._write_one(first)


async def test_a_session_comes_once_also_when_it_is_over(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    sessions = PostgresSessions(database)
    for _ in range(2):
        await spool.put(unwritten(now))
        assert await replay.drain(now) == 1
    assert await sessions.find(DEVICE.mac) == unwritten(now).session
    assert len(await sessions.end_due([MAIN], now + 2 * HOUR)) == 1
    await spool.put(unwritten(now))
    await replay.drain(now)
    assert await sessions.find(DEVICE.mac) is None
    assert await kinds(database) == ["session_started", "session_ended"]


async def test_a_session_that_the_device_has_already_stays(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    sessions = PostgresSessions(database)
    await spool.put(unwritten(now))
    await replay.drain(now)
    other = unwritten(now + SECOND)
    await spool.put(replace(other, session=replace(other.session, id=UUID(int=8))))
    await replay.drain(now)
    standing = await sessions.find(DEVICE.mac)
    assert standing is not None
    assert standing.id == UUID(int=7)


async def test_a_log_out_ends_only_what_ran_then(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    sessions = PostgresSessions(database)
    await spool.put(unwritten(now))
    await spool.put(sign_out(now - SECOND))
    await replay.drain(now)
    assert await sessions.find(DEVICE.mac) is not None
    await spool.put(sign_out(now + SECOND))
    await replay.drain(now)
    assert await sessions.find(DEVICE.mac) is None


async def test_who_logs_out_does_not_come_back_by_itself(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    await database.fetch(
        "INSERT INTO remembered_device (device, subject, id, label, added_at, named_at, "
        "last_visit_at, expires_at) VALUES ($1, $2, $3, 'iPhone', $4, $4, $4, $5)",
        *(NAME, b"s" * 32, UUID(int=9), now, now + 24 * HOUR),
    )
    await spool.put(sign_out(now + SECOND))
    await replay.drain(now)
    row = await database.fetch_row("SELECT paused_until FROM remembered_device")
    assert row is not None
    assert row["paused_until"] == now + SECOND + HOUR


async def test_who_logged_out_leaves_no_ticket(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    """The keeper may end the session by time before it hears of the log-out."""
    ticket = Ticket(Ground.TUTOR, None, now + 8 * HOUR, silently=False)
    await PostgresReturns(database).offer(TRACE.device, ticket)
    await spool.put(sign_out(now + SECOND))
    await replay.drain(now + HOUR)
    assert await database.fetch("SELECT 1 FROM returning_device") == []


async def test_what_can_never_be_written_is_put_aside(
    spool: DiskSpool, database: Database, replay: Replay, tmp_path: Path, now: datetime
) -> None:
    bad = unwritten(now)
    await spool.put(UnwrittenSession(bad.session, Trace("k", b"short"), bad.device))
    await spool.put(event(now + SECOND))
    stamp = f"{int(now.timestamp() * 1e6):020d}"
    (tmp_path / "spool" / f"{stamp}-event-cut.json").write_bytes(b"{")
    assert await replay.drain(now) == 1
    assert await spool.waiting() == []
    assert len(list((tmp_path / "spool" / "bad").iterdir())) == 2
    assert await kinds(database) == ["sign_in_refused"]


async def test_old_records_are_dropped(
    spool: DiskSpool, database: Database, replay: Replay, now: datetime
) -> None:
    await spool.put(event(now))
    assert await replay.drain(now + timedelta(days=8)) == 0
    assert await kinds(database) == []


async def test_without_a_spool_nothing_is_kept(tmp_path: Path, now: datetime) -> None:
    assert not await keep(None, event(now))
    (tmp_path / "file").touch()
    assert not await keep(DiskSpool(tmp_path / "file" / "spool"), event(now))
