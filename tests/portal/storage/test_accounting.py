"""Accounts on a real PostgreSQL: each visit once, its bytes in the session's, whoever writes."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from portal.domain.accounting import Octets, Use, UseStatus
from portal.domain.identity import Device, MacAddress, SiteId
from portal.domain.session import Claim, EndReason, Ground, Session, start
from portal.services.opening import new_id
from portal.services.ports import Opening, Trace
from portal.services.ports.accounting import Restart, UseRecord
from portal.storage.accounting import PostgresAccounts
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions

SITE = SiteId("village")
MINUTE = timedelta(minutes=1)
START, INTERIM, STOP = UseStatus.START, UseStatus.INTERIM, UseStatus.STOP


def mac(number: int) -> MacAddress:
    return MacAddress(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}")


async def let_in(database: Database, number: int, now: datetime) -> Session:
    ends = (now + timedelta(hours=9), EndReason.TIME_LIMIT)
    device = Device(mac(number), SITE)
    session = start(new_id(now), Claim(Ground.ACCEPT), device, ends, now)
    trace = Trace("log", number.to_bytes(32, "big"))
    return (await PostgresSessions(database).start(Opening(session, trace, 5))).session


def record(
    session: Session | None,
    status: UseStatus,
    at: datetime,
    octets: tuple[int, int] | None = None,
    *,
    begun: datetime,
    number: int = 1,
    visit: int = 1,
) -> UseRecord:
    duration = None if status is START else at - begun
    use = Use(
        status,
        at,
        at,
        None if octets is None else Octets(*octets),
        duration,
        None if session is None else session.id,
    )
    name = visit.to_bytes(32, "big")
    return UseRecord(name, mac(number), use, "ap", SITE, b"ap-hall", b"0200aa")


async def counted(database: Database, session: Session) -> tuple[int, int]:
    rows = await database.fetch(
        "SELECT upload_bytes, download_bytes FROM live_session WHERE id = $1 UNION ALL "
        "SELECT upload_bytes, download_bytes FROM past_session WHERE id = $1",
        session.id,
    )
    [(up, down)] = rows
    return up, down


async def accounts_of(database: Database) -> Sequence[tuple[int, str | None]]:
    rows = await database.fetch(
        "SELECT download_octets, closed_by FROM accounting_session ORDER BY started_at, name"
    )
    return [(row[0], row[1]) for row in rows]


async def test_a_visit_is_counted_once_however_often_it_is_told(
    database: Database, now: datetime
) -> None:
    session = await let_in(database, 1, now)
    accounts = PostgresAccounts(database)
    visit = [
        record(session, START, now, begun=now),
        record(session, INTERIM, now + 5 * MINUTE, (10, 900), begun=now),
        record(session, STOP, now + 9 * MINUTE, (20, 1900), begun=now),
    ]
    for batch in ([visit[1]], [visit[0], visit[2]], visit, [visit[1], visit[1]]):
        await accounts.write(batch)
    assert await counted(database, session) == (20, 1900)
    assert await accounts_of(database) == [(1900, "stop")]


async def test_an_interim_is_a_sign_of_life(database: Database, now: datetime) -> None:
    session = await let_in(database, 1, now)
    late = record(session, INTERIM, now + 5 * MINUTE, (1, 1), begun=now)
    await PostgresAccounts(database).write([late])
    found = await PostgresSessions(database).find(mac(1))
    assert found is not None
    assert found.last_seen_at == now + 5 * MINUTE


async def test_without_class_the_devices_session_is_meant(
    database: Database, now: datetime
) -> None:
    session = await let_in(database, 1, now)
    accounts = PostgresAccounts(database)
    await accounts.write([record(None, INTERIM, now + MINUTE, (5, 7), begun=now)])
    await accounts.write([record(None, INTERIM, now - MINUTE, (99, 99), begun=now, visit=2)])
    assert await counted(database, session) == (5, 7)


async def test_what_comes_after_the_end_is_in_the_history(
    database: Database, now: datetime
) -> None:
    session = await let_in(database, 1, now)
    accounts = PostgresAccounts(database)
    await accounts.write([record(session, INTERIM, now + MINUTE, (5, 7), begun=now)])
    await PostgresSessions(database).end(session.id, EndReason.LOGGED_OUT, now + 2 * MINUTE)
    await accounts.write([record(session, STOP, now + 3 * MINUTE, (6, 9), begun=now)])
    assert await counted(database, session) == (6, 9)


async def test_where_a_gate_counts_nothing_is_added(database: Database, now: datetime) -> None:
    session = await let_in(database, 1, now)
    told = record(session, INTERIM, now + MINUTE, (5, 7), begun=now)
    await PostgresAccounts(database).write([told._replace(counts_bytes=False)])
    assert await counted(database, session) == (0, 0)
    assert await accounts_of(database) == [(7, None)]


async def test_a_restart_comes_in_its_turn_within_a_batch(
    database: Database, now: datetime
) -> None:
    """Joined, told of, the access point restarts, and the device joins under the same number."""
    accounts, again = PostgresAccounts(database), now + 3 * MINUTE
    before = [
        record(None, START, now, begun=now),
        record(None, INTERIM, now + MINUTE, (10, 900), begun=now),
    ]
    restart = Restart("ap", b"ap-hall", b"", now + 2 * MINUTE)
    after = [record(None, INTERIM, again + MINUTE, (1, 50), begun=again)]
    await accounts.write([*before, restart])
    assert await accounts_of(database) == [(900, "reboot")]
    await database.fetch("DELETE FROM accounting_session")
    await accounts.write([*before, restart, *after])
    assert await accounts_of(database) == [(900, "reboot"), (50, None)]


async def test_a_restart_in_a_batch_ends_what_was_open_when_its_turn_came(
    database: Database, now: datetime
) -> None:
    accounts = PostgresAccounts(database)
    await accounts.write([record(None, START, now, begun=now)])
    late = record(None, STOP, now + MINUTE, (10, 900), begun=now)
    elsewhere = Restart("ap", b"ap-hall", b"0200bb", now + 2 * MINUTE)
    here = Restart("ap", b"ap-hall", b"0200aa", now + 3 * MINUTE)
    await accounts.write([elsewhere, late, here])
    assert await accounts_of(database) == [(900, "stop")]


async def test_a_restart_closes_what_began_before_on_that_radio_only(
    database: Database, now: datetime
) -> None:
    accounts = PostgresAccounts(database)
    here = record(None, START, now, begun=now, number=1, visit=1)
    there = record(None, START, now, begun=now, number=2, visit=2)._replace(bss=b"0200bb")
    later = record(None, START, now + 3 * MINUTE, begun=now, number=3, visit=3)
    await accounts.write([here, there, later])
    await accounts.write([Restart("ap", b"ap-hall", b"0200aa", now + 2 * MINUTE)])
    assert await accounts_of(database) == [(0, "reboot"), (0, None), (0, None)]
    await accounts.write([Restart("other", b"ap-hall", b"", now + 9 * MINUTE)])
    await accounts.write([Restart("ap", b"ap-yard", b"", now + 9 * MINUTE)])
    assert await accounts_of(database) == [(0, "reboot"), (0, None), (0, None)]
    await accounts.write([Restart("ap", b"ap-hall", b"", now + 9 * MINUTE)])
    assert await accounts_of(database) == [(0, "reboot"), (0, "reboot"), (0, "reboot")]


async def test_a_number_used_again_after_a_restart_makes_two_accounts(
    database: Database, now: datetime
) -> None:
    session = await let_in(database, 1, now)
    accounts = PostgresAccounts(database)
    await accounts.write([record(session, INTERIM, now + 5 * MINUTE, (10, 900), begun=now)])
    await accounts.write([Restart("ap", b"ap-hall", b"", now + 6 * MINUTE)])
    begun = now + 7 * MINUTE
    await accounts.write([record(session, START, begun, begun=begun)])
    await accounts.write([record(session, STOP, begun + MINUTE, (1, 100), begun=begun)] * 2)
    assert await accounts_of(database) == [(900, "reboot"), (100, "stop")]
    assert await counted(database, session) == (11, 1000)


async def test_silence_closes_and_an_interim_opens_again(database: Database, now: datetime) -> None:
    accounts = PostgresAccounts(database)
    await accounts.write([record(None, INTERIM, now, (1, 1), begun=now)])
    assert await accounts.close_silent({"ap": now, "other": now + 9 * MINUTE}) == 0
    assert await accounts.close_silent({"ap": now + MINUTE}) == 1
    assert await accounts_of(database) == [(1, "silence")]
    await accounts.write([record(None, INTERIM, now + 20 * MINUTE, (2, 2), begun=now)])
    assert await accounts_of(database) == [(2, None)]
    assert await accounts.heard(now) == {"ap": now + 20 * MINUTE}
    assert await accounts.heard(now + 20 * MINUTE) == {}


async def test_who_was_told_of_once_and_is_not_any_more_is_quiet(
    database: Database, now: datetime
) -> None:
    session = await let_in(database, 1, now)
    await let_in(database, 2, now)
    accounts = PostgresAccounts(database)
    await accounts.write([record(session, INTERIM, now + MINUTE, (1, 1), begun=now)])
    assert await accounts.quiet([SITE], now + MINUTE) == []
    [quiet] = await accounts.quiet([SITE], now + 2 * MINUTE)
    assert (quiet.session.id, quiet.access_point) == (session.id, "ap")
    assert await accounts.quiet([SiteId("town")], now + 2 * MINUTE) == []


async def test_absurd_counters_break_nothing(database: Database, now: datetime) -> None:
    session = await let_in(database, 1, now)
    accounts = PostgresAccounts(database)
    for visit in range(4):
        huge = record(session, STOP, now + MINUTE, (2**64 - 1, 2**64 - 1), begun=now, visit=visit)
        await accounts.write([huge])
    assert await counted(database, session) == (2**63 - 1, 2**63 - 1)


async def test_history_keeps_no_address(database: Database, now: datetime) -> None:
    await PostgresAccounts(database).write([record(None, STOP, now, (1, 1), begun=now)])
    [row] = await database.fetch("SELECT a::text FROM accounting_session AS a")
    assert mac(1) not in row[0]


@pytest.mark.parametrize("seed", range(3))
async def test_writers_at_once_count_every_octet_once(
    postgres_dsn: str, now: datetime, seed: int
) -> None:
    """Eight writers, lost, doubled and mixed records of 40 visits at the same moment."""
    chance = random.Random(seed)
    async with Database(postgres_dsn, size=8, deadlines=Deadlines(30, 30)) as wide:
        sessions = [await let_in(wide, number, now) for number in range(20)]
        records: list[UseRecord] = []
        expected: dict[UUID, Octets] = {session.id: Octets() for session in sessions}
        for visit in range(40):
            session = sessions[visit % 20]
            total = Octets()
            for step in range(1, 6):
                total = total.plus(Octets(chance.randrange(10**6), chance.randrange(10**8)))
                status = STOP if step == 5 else INTERIM
                copies = 2 if step == 5 else chance.choice((0, 1, 2))
                at = now + step * MINUTE
                told = record(session, status, at, total, begun=now, number=visit % 20, visit=visit)
                records += [told] * copies
            expected[session.id] = expected[session.id].plus(total)
        chance.shuffle(records)
        accounts = PostgresAccounts(wide)
        await asyncio.gather(*(accounts.write(records[n::16]) for n in range(16)))
        for session in sessions:
            assert await counted(wide, session) == expected[session.id]
        found = await accounts_of(wide)
        assert len(found) == 40
        assert {closed for _, closed in found} == {"stop"}
