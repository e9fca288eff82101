"""At which access point a session was let in: written once, at the levels that allow it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.accounting import UseStatus
from portal.domain.privacy import PrivacyLevel
from portal.domain.session import EndReason, Session
from portal.domain.session_log import LogFilter, Point
from portal.services.ports.live import Place
from portal.storage.accounting import PostgresAccounts
from portal.storage.database import Database
from portal.storage.live import PostgresLive
from portal.storage.privacy import PostgresPrivacy
from portal.storage.session_log import PostgresSessionLog
from portal.storage.sessions import PostgresSessions
from tests.portal.storage.test_accounting import SITE, let_in, mac, record

MINUTE = timedelta(minutes=1)
HALL, CAFE = Point("annex", b"AP-hall"), Point("annex", b"AP-cafe")
LEVELS = list(PrivacyLevel)


async def heard(database: Database, point: Point, at: datetime, number: int = 1) -> None:
    place = Place(mac(number), point.access_point, at, let_in=False, nas_identifier=point.nas)
    await PostgresLive(database).keep_places([place])


async def told(database: Database, session: Session) -> Sequence[Point | None]:
    """Return what the log says of the session, which may have ended."""
    found = await PostgresSessionLog(database).find(session.started_at, session.id)
    return [] if found is None else [found.point]


async def end(database: Database, session: Session, at: datetime) -> None:
    assert await PostgresSessions(database).end(session.id, EndReason.LOGGED_OUT, at)


async def test_a_session_says_where_its_device_was_heard_of_when_it_began(
    database: Database, now: datetime
) -> None:
    await heard(database, CAFE, now - 5 * MINUTE)
    await heard(database, HALL, now - MINUTE)
    await heard(database, CAFE, now, number=2)  # another device
    session = await let_in(database, 1, now)
    await heard(database, CAFE, now + MINUTE)  # it walks on
    assert await told(database, session) == [HALL]
    await end(database, session, now + 5 * MINUTE)
    assert await told(database, session) == [HALL]


async def test_where_nothing_was_heard_nothing_is_said(database: Database, now: datetime) -> None:
    await heard(database, HALL, now - 61 * MINUTE)
    session = await let_in(database, 1, now)
    assert await told(database, session) == [None]
    await end(database, session, now + MINUTE)
    assert await told(database, session) == [None]


async def test_a_place_that_is_written_a_moment_later_is_found_at_the_end(
    database: Database, now: datetime
) -> None:
    """A remembered device is let in before anybody has written where."""
    session = await let_in(database, 1, now)
    await heard(database, HALL, now + MINUTE / 60)
    await heard(database, CAFE, now + MINUTE)
    await end(database, session, now + 5 * MINUTE)
    assert await told(database, session) == [HALL]


async def test_who_counted_the_very_session_knows_best(database: Database, now: datetime) -> None:
    await heard(database, CAFE, now - MINUTE)
    session = await let_in(database, 1, now)
    use = record(session, UseStatus.START, now + MINUTE, begun=now)
    other = record(None, UseStatus.START, now, begun=now, visit=2)._replace(access_point="other")
    await PostgresAccounts(database).write([use, other])
    await end(database, session, now + 5 * MINUTE)
    assert await told(database, session) == [Point("ap", b"ap-hall")]


@pytest.mark.parametrize("level", LEVELS)
async def test_only_what_the_level_allows_is_written(
    level: PrivacyLevel, database: Database, now: datetime
) -> None:
    await PostgresPrivacy(database).tell({SITE: level})
    await heard(database, HALL, now)
    session = await let_in(database, 1, now)
    assert await told(database, session) == [HALL if level.keeps_visits else None]
    use = record(session, UseStatus.START, now + MINUTE, begun=now)
    await PostgresAccounts(database).write([use])
    await end(database, session, now + 5 * MINUTE)
    assert await told(database, session) == [Point("ap", b"ap-hall")] * level.keeps_visits


@pytest.mark.parametrize("level", LEVELS[:2])
async def test_a_lowered_level_takes_it_back(
    level: PrivacyLevel, database: Database, now: datetime
) -> None:
    privacy = PostgresPrivacy(database)
    await privacy.tell({SITE: PrivacyLevel.GUESTS})
    await heard(database, HALL, now)
    over = await let_in(database, 1, now)
    await end(database, over, now + MINUTE)
    runs = await let_in(database, 1, now + 2 * MINUTE)
    await privacy.tell({SITE: level})
    [row] = await database.fetch("SELECT forget_lowered(1000) AS gone")
    assert row["gone"] > 0
    kept = level.keeps_visits
    assert (await told(database, over), await told(database, runs)) == (
        [HALL] * kept,
        [HALL if kept else None],
    )


async def test_a_running_session_is_found_by_its_access_point(
    database: Database, now: datetime
) -> None:
    await heard(database, HALL, now)
    await heard(database, CAFE, now, number=2)
    sessions = [await let_in(database, number, now) for number in (1, 2, 3)]
    log = PostgresSessionLog(database)
    wanted = LogFilter(now - MINUTE, now + MINUTE, (SITE,), point=HALL)
    for point, count in ((HALL, 1), (CAFE, 1), (Point("annex"), 2), (Point("ap"), 0)):
        asked = replace(wanted, point=point)
        found = await log.page(asked, None, 9)
        assert (len(found), await log.count(asked, 9)) == (count, count)
    [only] = await log.page(wanted, None, 9)
    assert only.id == sessions[0].id


async def test_programs_of_before_write_what_they_wrote(database: Database, now: datetime) -> None:
    """They name no access point, and end sessions by the same function."""
    await database.fetch(
        "INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason,"
        " extensions, trace_key, device_trace)"
        " VALUES (gen_random_uuid(), 'accept', $1, $2, $2, 'absent', 0, 'log', $3)",
        *(SITE, now, bytes(32)),
    )
    wanted = LogFilter(now - MINUTE, now + MINUTE, (SITE,))
    [one] = await PostgresSessionLog(database).page(wanted, None, 9)
    assert one.point is None
    assert await PostgresSessionLog(database).points(now - MINUTE, 9) == []


async def test_accounting_has_no_index_more(database: Database) -> None:
    """It is the hot path: what the log needs is written with sessions, not with accounts."""
    rows = await database.fetch(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'accounting_session' ORDER BY 1"
    )
    assert [row["indexname"] for row in rows] == [
        "accounting_session_of",
        "accounting_session_open",
        "accounting_session_pkey",
    ]
