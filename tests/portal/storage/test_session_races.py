"""Rules that must hold whoever is faster: one session a device, so many devices a card."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.session import Claim, EndReason, Ground, start
from portal.services.ports import Opening, Trace
from portal.storage.database import Database, Deadlines
from portal.storage.sessions import PostgresSessions

PATIENT = Deadlines(connect_s=30, statement_s=30)
CARDS = [Subject(bytes([number]) * 32) for number in (1, 2)]


def opening(serial: int, device: int, subject: Subject, now: datetime) -> Opening:
    mac = MacAddress(f"02:00:00:00:00:{device:02x}")
    ends = (now + timedelta(hours=1), EndReason.TIME_LIMIT)
    at = Device(mac, SiteId("main"))
    session = start(UUID(int=serial), Claim(Ground.CARD, subject), at, ends, now)
    return Opening(session, Trace("log", bytes([device]) * 32, subject), most_devices=5)


async def number(database: Database, sql: str) -> int:
    row = await database.fetch_row(sql)
    assert row is not None
    return int(row[0])


async def test_a_card_never_has_more_devices_than_it_may(postgres_dsn: str, now: datetime) -> None:
    async with Database(postgres_dsn, size=32, deadlines=PATIENT) as wide:
        sessions = PostgresSessions(wide)
        for round_ in range(5):
            serials = range(round_ * 100 + 1, round_ * 100 + 41)
            started = await asyncio.gather(
                *(sessions.start(opening(n, n % 40, CARDS[0], now)) for n in serials)
            )
            live = await number(wide, "SELECT count(*) FROM live_session")
            ended = await number(wide, "SELECT count(*) FROM past_session")
            begun = await number(wide, "SELECT count(*) FROM event WHERE kind = 'session_started'")
            assert live == 5
            assert begun == live + ended
            assert sum(len(s.put_out) for s in started) == sum(s.is_new for s in started) - (
                5 if round_ == 0 else 0
            )


async def test_devices_change_cards_without_a_deadlock(postgres_dsn: str, now: datetime) -> None:
    async with Database(postgres_dsn, size=32, deadlines=PATIENT) as wide:
        sessions = PostgresSessions(wide)
        for round_ in range(10):
            await asyncio.gather(
                *(
                    sessions.start(
                        opening(round_ * 100 + n + 1, n % 10, CARDS[(n + n // 10) % 2], now)
                    )
                    for n in range(60)
                )
            )
        await number(wide, "SELECT pg_stat_force_next_flush() IS NULL")
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert await number(wide, deadlocks) == 0
        most = "SELECT max(n) FROM (SELECT count(*) AS n FROM live_session GROUP BY subject) AS c"
        assert await number(wide, most) <= 5


async def test_a_session_ends_once(postgres_dsn: str, now: datetime) -> None:
    async with Database(postgres_dsn, size=16, deadlines=PATIENT) as wide:
        sessions = PostgresSessions(wide)
        wanted = opening(1, 1, CARDS[0], now)
        wanted = replace(wanted, session=replace(wanted.session, ends_at=now))
        await sessions.start(wanted)
        later = now + timedelta(minutes=1)
        ends = await asyncio.gather(
            *(sessions.end(wanted.session.id, EndReason.LOGGED_OUT, later) for _ in range(8)),
        )
        due = await asyncio.gather(*(sessions.end_due([SiteId("main")], later) for _ in range(8)))
        assert sum(end is not None for end in ends) + sum(len(found) for found in due) == 1
        assert await number(wide, "SELECT count(*) FROM past_session") == 1
        assert await number(wide, "SELECT count(*) FROM event WHERE kind = 'session_ended'") == 1


async def test_a_card_and_one_press_at_the_same_moment(postgres_dsn: str, now: datetime) -> None:
    async with Database(postgres_dsn, size=16, deadlines=PATIENT) as wide:
        sessions = PostgresSessions(wide)
        wishes = [opening(n + 1, 1, CARDS[n % 2], now) for n in range(16)]
        for n in range(0, 16, 3):
            wishes[n] = replace(wishes[n], session=replace(wishes[n].session, subject=None))
        await asyncio.gather(*(sessions.start(wish) for wish in wishes))
        assert await number(wide, "SELECT count(*) FROM live_session") == 1


async def test_two_new_addresses_do_not_both_go_on_with_one(
    postgres_dsn: str, now: datetime
) -> None:
    async with Database(postgres_dsn, size=16, deadlines=PATIENT) as wide:
        sessions = PostgresSessions(wide)
        old = opening(1, 1, CARDS[0], now)
        await sessions.start(old)
        later = now + timedelta(minutes=10)
        wishes = [
            replace(opening(n, n, CARDS[0], later), continues=old.session.id) for n in range(2, 6)
        ]
        started = await asyncio.gather(*(sessions.start(wish) for wish in wishes))
        ends = [one.session.ends_at for one in started]
        assert ends.count(old.session.ends_at) == 1
        told = "SELECT count(*) FROM event WHERE kind = 'session_succeeded'"
        assert await number(wide, told) == 1
