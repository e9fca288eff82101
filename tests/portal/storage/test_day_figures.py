"""What is counted by whole days, from what happened: help, tutoring, faults, visitors' answers."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from portal.domain.identity import SiteId
from portal.domain.month_help import Answer
from portal.domain.month_report import EVERY, DayFigure, Month
from portal.domain.privacy import PrivacyLevel
from portal.storage.database import Database
from portal.storage.day_figures import PostgresDayFigures
from portal.storage.privacy import PostgresPrivacy
from portal.storage.statistics import PostgresStatistics

CITY, BRANCH = SiteId("city"), SiteId("branch")
ZONE = "Europe/Stockholm"
DAY = date(2026, 11, 26)
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
TOMORROW = DAY + timedelta(days=1)


async def happened(database: Database, kind: str, at: datetime = NOW, site: str = "city") -> None:
    await database.fetch(
        "INSERT INTO event (at, kind, site_id) VALUES ($1, $2, $3)", *(at, kind, site)
    )


async def reported(
    database: Database, by: str, times: int = 1, fixed_h: float | None = None
) -> None:
    fixed = None if fixed_h is None else NOW + timedelta(hours=fixed_h)
    await database.fetch(
        "INSERT INTO fault_report (at, site_id, kind, words, facts, by, times, seen_at, fixed_at,"
        " fixed_by) VALUES ($1, 'city', 'slow', '', '{}', $2, $3, $4::timestamptz, $4,"
        " CASE WHEN $4 IS NOT NULL THEN 'ida' END)",
        *(NOW, by, times, fixed),
    )


async def month(database: Database) -> Month:
    return await PostgresDayFigures(database).read(date(2026, 11, 1), date(2026, 12, 1), ZONE)


def told(found: Month) -> dict[tuple[str, str], int]:
    return {(one.site_id, one.what): one.count for one in found.help}


async def test_help_is_counted_by_the_local_day_and_once_however_often(database: Database) -> None:
    for kind in ("vouchers_made", "vouchers_made", "tutoring_started", "group_started"):
        await happened(database, kind)
    await happened(database, "group_joined", site="branch")
    await happened(database, "tutoring_interrupted")
    await happened(database, "tutoring_extended")
    late = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)  # tomorrow, where the library is
    await happened(database, "vouchers_made", late)
    await reported(database, "kim", fixed_h=3.0)
    await reported(database, "", times=7)
    figures = PostgresDayFigures(database)
    for _ in range(2):
        await figures.close(TOMORROW, DAY, ZONE)
    assert told(await month(database)) == {
        ("city", "codes"): 2,
        ("city", "tutored"): 1,
        ("city", "groups"): 1,
        ("branch", "group_devices"): 1,
        ("city", "interrupted"): 1,
        ("city", "faults"): 1,
        ("city", "guest_faults"): 7,
        ("city", "fixed"): 1,
    }


async def test_what_was_deleted_between_stays_counted(database: Database) -> None:
    await reported(database, "kim")
    figures = PostgresDayFigures(database)
    await figures.close(TOMORROW, DAY, ZONE)
    await database.fetch("DELETE FROM fault_report")
    await figures.close(TOMORROW, DAY, ZONE)
    assert told(await month(database)) == {("city", "faults"): 1}


async def test_medians_are_by_library_and_of_all(database: Database) -> None:
    for hours in (1.0, 2.0, 40.0, None):
        await reported(database, "kim", fixed_h=hours)
    found = (await month(database)).fault_times
    assert {(one.site_id, one.seen_h, one.fixed_h) for one in found} == {
        (CITY, 2.0, 2.0),
        (EVERY, 2.0, 2.0),
    }


async def test_tutoring_is_measured_by_samples(database: Database) -> None:
    for number, minutes in enumerate((None, 60, -5)):
        until = None if minutes is None else NOW + timedelta(minutes=minutes)
        await database.fetch(
            "INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because,"
            " last_seen_at, trace_key, device_trace, protected_until) VALUES ($1, 'open',"
            " $2::text::macaddr, 'city', $3, $4, 'closing_time', $3, 'log-2026-w48', $5, $6)",
            *(uuid4(), f"02:00:00:00:00:0{number}", NOW, NOW + timedelta(hours=5)),
            *(bytes(32), until),
        )
    statistics = PostgresStatistics(database)
    await statistics.sample([CITY, BRANCH], NOW, NOW)
    await PostgresDayFigures(database).close(TOMORROW, DAY, ZONE)
    assert (await month(database)).figures == [
        DayFigure(DAY, EVERY, None, None, 15, 3, 5),
        DayFigure(DAY, BRANCH, None, None, 0, 0, 0),
        DayFigure(DAY, CITY, None, None, 15, 3, 5),
    ]


async def test_answers_are_told_when_their_day_is_over(database: Database) -> None:
    figures = PostgresDayFigures(database)
    for said in (Answer.EASY, Answer.EASY, Answer.HARD):
        await figures.rate(DAY, CITY, said)
    assert told(await month(database)) == {}
    await PostgresStatistics(database).sample([CITY], NOW, NOW)
    await figures.close(TOMORROW, DAY, ZONE)
    assert told(await month(database)) == {("city", "easy"): 2, ("city", "hard"): 1}


ENDS = [
    *(("absent", 30, True), ("replaced", 30, True), ("time_limit", 30, True)),
    *(("logged_out", 30, False), ("closing_time", 30, False), ("revoked", 30, False)),
    *(("absent", -1, False), ("absent", None, False)),
]


@pytest.mark.parametrize("level", list(PrivacyLevel))
@pytest.mark.parametrize(("reason", "minutes", "is_interrupted"), ENDS)
async def test_whoever_is_put_out_under_tutoring_is_an_interruption_and_nobody(
    database: Database,
    level: PrivacyLevel,
    reason: str,
    minutes: int | None,
    *,
    is_interrupted: bool,
) -> None:
    await PostgresPrivacy(database).tell({CITY: level})
    until = None if minutes is None else NOW + timedelta(minutes=minutes)
    await database.fetch(
        "SELECT record_end(jsonb_populate_record(NULL::live_session, jsonb_build_object("
        "'id', gen_random_uuid(), 'ground', 'open', 'site_id', 'city', 'extensions', 0,"
        " 'started_at', $1::timestamptz, 'trace_key', 'visit', 'device_trace', '\\x00'::bytea,"
        " 'succeeded', false, 'upload_bytes', 0, 'download_bytes', 0,"
        " 'protected_until', $2::timestamptz)), $3, $1)",
        *(NOW, until, reason),
    )
    rows = await database.fetch("SELECT * FROM event WHERE kind = 'tutoring_interrupted'")
    assert bool(rows) is is_interrupted
    assert all(row["session_id"] is None and row["device_trace"] is None for row in rows)
