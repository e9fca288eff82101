"""The log in PostgreSQL: every filter gives exactly its rows, and reads no more than its page."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from bench.history import SITES, seed_events, seed_sessions, settle
from portal.domain.identity import SiteId
from portal.domain.session import EndReason, Ground
from portal.domain.session_log import (
    ONLINE,
    Cursor,
    Held,
    LogFilter,
    Named,
    Point,
    mondays,
    read_name,
    sought_in_weeks,
)
from portal.services.outcomes import RefusalReason
from portal.services.ports.session_log import EventCursor, EventFilter, LoggedSession
from portal.storage.database import Database, Deadlines
from portal.storage.embedded import EmbeddedPostgres
from portal.storage.migrate import migrate
from portal.storage.session_log import (
    _PAST_OF,
    _SQL,
    FIRST_LOOK,
    PostgresSessionLog,
    first_look,
    narrowed,
)
from tests.portal.storage.clusters import FORGETFUL, put_cluster, reachable_directory

pytestmark = pytest.mark.asyncio(loop_scope="module")

SINCE = datetime(2025, 11, 24, tzinfo=UTC)
SPAN = timedelta(days=364)
UNTIL = SINCE + SPAN + timedelta(days=1)
ROWS = 200_000
ALL_SITES = tuple(SiteId(site) for site in SITES)
EVERYTHING = LogFilter(SINCE, UNTIL, ALL_SITES, every_site=True)

FILTERS = {
    "everything": EVERYTHING,
    "a site": LogFilter(SINCE, UNTIL, (SiteId("branch"),)),
    "two sites": LogFilter(SINCE, UNTIL, ALL_SITES[:2]),
    "a ground": LogFilter(SINCE, UNTIL, ALL_SITES, every_site=True, ground=Ground.VOUCHER),
    "what is rare": LogFilter(SINCE, UNTIL, ALL_SITES, every_site=True, outcome=EndReason.REVOKED),
    "what never is": LogFilter(SINCE, UNTIL, (SiteId("bus"),), ground=Ground.CARD),
    "all at once": LogFilter(
        *(SINCE, UNTIL, (SiteId("city"),)), ground=Ground.CARD, outcome=EndReason.TIME_LIMIT
    ),
    "a week": LogFilter(SINCE + timedelta(days=70), SINCE + timedelta(days=77), ALL_SITES),
    "online": LogFilter(SINCE, UNTIL, ALL_SITES, every_site=True, outcome=ONLINE),
}
POINTS = {
    "a controller": replace(EVERYTHING, point=Point("branch")),
    "an access point": replace(EVERYTHING, point=Point("branch", b"AP-7")),
    "one that hardly anybody uses": replace(EVERYTHING, point=Point("cellar")),
    "one that nobody does": replace(EVERYTHING, point=Point("attic")),
    "one of another's": replace(EVERYTHING, point=Point("cellar", b"nothing")),
    "one, and a library that it does not serve": LogFilter(
        SINCE, UNTIL, (SiteId("bus"),), point=Point("city")
    ),
    "one, a way in and an end": replace(
        EVERYTHING, point=Point("city"), ground=Ground.CARD, outcome=EndReason.TIME_LIMIT
    ),
    "one, online": replace(EVERYTHING, point=Point("city"), outcome=ONLINE),
    "one, in a week": replace(FILTERS["a week"], point=Point("city", b"AP-11")),
}
"""Filters too, apart because they have a walk of their own."""
FILTERED = FILTERS | POINTS

_LIVE = """
INSERT INTO live_session (id, ground, mac, site_id, started_at, ends_at, ends_because, last_seen_at,
                          trace_key, device_trace, subject_trace)
SELECT ('019b0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'card',
       ('02:00:00:00:' || lpad(to_hex(n / 256), 2, '0') || ':'
           || lpad(to_hex(n % 256), 2, '0'))::macaddr,
       (ARRAY['city', 'branch', 'bus'])[1 + n % 3], $1::timestamptz - n * interval '7 seconds',
       $1::timestamptz + interval '5 hours', 'closing_time', $1, 'log-x',
       sha256(convert_to('l' || n, 'UTF8')), sha256(convert_to('lg' || n, 'UTF8'))
  FROM generate_series(1, 2000) AS n
"""

_PLACES = """
INSERT INTO device_at_access_point (mac, access_point, nas, heard_at, let_in, user_name, source_ip,
                                    called, ssid)
SELECT ('02:00:00:00:00:' || lpad(to_hex(n), 2, '0'))::macaddr, 'city', 'AP-11',
       $1::timestamptz - n * interval '7 seconds' - interval '1 minute', false, '', '', '', ''
  FROM generate_series(1, 200) AS n
"""
"""Two hundred of those online were heard of at an access point just before."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def history() -> AsyncIterator[Database]:
    """A year of history, and two thousand who are online."""
    with reachable_directory() as directory:
        put_cluster(directory)
        async with EmbeddedPostgres(directory, settings=FORGETFUL) as dsn:
            await migrate(dsn, SINCE)
            connection = await asyncpg.connect(dsn)
            await seed_sessions(connection, SINCE, SPAN, ROWS, 700)
            await seed_events(connection, 20)
            await settle(connection)
            await connection.execute(_PLACES, SINCE + SPAN)
            await connection.execute(_LIVE, SINCE + SPAN)
            await connection.execute("ANALYZE live_session")
            await connection.close()
            async with Database(dsn, deadlines=Deadlines(statement_s=30)) as database:
                yield database


class Counting(Database):
    """The same door, which counts what is read by a kept plan: the looks at all there is."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self.kept = 0

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        return await self._real.fetch(sql, *values)

    async def fetch_by_kept_plan(self, sql: str, *values: object) -> list[asyncpg.Record]:
        self.kept += 1
        return await self._real.fetch_by_kept_plan(sql, *values)


def fits(wanted: LogFilter, row: asyncpg.Record) -> bool:
    ended = row["end_reason"] or ONLINE
    return (
        wanted.since <= row["started_at"] < wanted.until
        and (wanted.every_site or row["site_id"] in wanted.sites)
        and wanted.ground in {None, row["ground"]}
        and wanted.outcome in {None, ended}
        and (wanted.point is None or wanted.point.access_point == row["access_point"])
        and (wanted.point is None or wanted.point.nas in {None, row["nas"]})
    )


_ALL = """
SELECT id, ground, site_id, started_at, end_reason, access_point, nas FROM past_session
UNION ALL SELECT id, ground, site_id, started_at, NULL, access_point, nas FROM live_session
ORDER BY started_at DESC, id DESC
"""


@pytest.mark.parametrize("name", FILTERED)
async def test_a_filter_gives_exactly_its_rows(history: Database, name: str) -> None:
    """The first pages, and one from the middle, against a plain reading of all there is."""
    wanted, log = FILTERED[name], PostgresSessionLog(history)
    expected = [row["id"] for row in await history.fetch(_ALL) if fits(wanted, row)]
    after, seen = None, []
    for _ in range(3):
        page = await log.page(wanted, after, 50)
        seen += [one.id for one in page]
        after = page[-1].cursor if page else after
    assert seen == expected[:150]
    assert await log.count(wanted, 1001) == min(len(expected), 1001)
    if len(expected) > 1000:
        [middle] = await log.page(wanted, Cursor(after.at, after.id) if after else None, 1)
        at = expected.index(middle.id)
        assert at == 150


async def test_pages_end_and_lose_nothing(history: Database) -> None:
    wanted, log = FILTERS["what is rare"], PostgresSessionLog(history)
    after, seen = None, []
    while page := await log.page(wanted, after, 2):
        seen += [one.id for one in page]
        after = page[-1].cursor
    count = await history.fetch("SELECT id FROM past_session WHERE end_reason = 'revoked'")
    assert (len(seen), len(set(seen))) == (len(count), len(count))


@pytest.mark.parametrize("name", POINTS)
async def test_pages_of_an_access_point_end_and_lose_nothing(history: Database, name: str) -> None:
    wanted, log = POINTS[name], PostgresSessionLog(history)
    expected = [row["id"] for row in await history.fetch(_ALL) if fits(wanted, row)]
    after, seen = None, []
    while page := await log.page(wanted, after, 1000):
        seen += [one.id for one in page]
        after = page[-1].cursor
        assert all(one.point is not None for one in page)
    assert seen == expected
    assert bool(expected) == (name not in {"one that nobody does", "one of another's"})


async def test_an_access_point_and_who_was_looked_up(history: Database) -> None:
    log, one = PostgresSessionLog(history), await _one_of(history)
    name = read_name(f"D-{one.device_trace[:4].hex()}", SINCE, UNTIL)
    all_of_it = await log.page(replace(EVERYTHING, sought=name), None, 500)
    points = {session.point for session in all_of_it if session.point is not None}
    assert len(points) > 1
    for point in points:
        found = await log.page(replace(EVERYTHING, sought=name, point=point), None, 500)
        assert found == [session for session in all_of_it if session.point == point]
    elsewhere = replace(EVERYTHING, sought=name, point=Point("attic"))
    assert await log.page(elsewhere, None, 500) == []


async def test_sessions_that_had_an_address(history: Database) -> None:
    log = PostgresSessionLog(history)
    [online] = await log.page(FILTERS["online"], None, 1)
    over = (await log.page(FILTERS["a week"], None, 50))[::10]
    held = Held(tuple(one.cursor for one in (*over, online)))
    wanted = replace(EVERYTHING, sought=held)
    assert await log.page(wanted, None, 50) == [online, *over]
    assert await log.page(wanted, over[0].cursor, 50) == over[1:]
    assert await log.count(wanted, 50) == len(over) + 1
    for narrower in (
        replace(wanted, sites=(over[0].site_id,), every_site=False),
        replace(wanted, ground=Ground(over[0].ground)),
        replace(wanted, outcome=over[0].end_reason),
        replace(wanted, point=over[0].point),
        replace(wanted, point=Point(*(over[0].point or ("", b"")))),
        replace(wanted, since=over[-1].started_at, until=over[0].started_at),
    ):
        rows = {row["id"]: row for row in await history.fetch(_ALL)}
        expected = [one for one in [online, *over] if fits(narrower, rows[one.id])]
        assert await log.page(narrower, None, 50) == expected


async def test_access_points_are_those_that_let_somebody_in(history: Database) -> None:
    log = PostgresSessionLog(history)
    rows = await history.fetch(
        "SELECT DISTINCT access_point, nas FROM past_session WHERE started_at >= $1"
        " AND access_point IS NOT NULL"
        " UNION SELECT access_point, nas FROM live_session WHERE access_point IS NOT NULL",
        since := UNTIL - timedelta(days=14),
    )
    expected = {Point(row["access_point"], row["nas"]) for row in rows}
    assert len(expected) > 40
    assert {point for point, _ in await log.points(since, 500)} == expected
    assert len(await log.points(since, 3)) == 3


async def _one_of(history: Database) -> LoggedSession:
    [*_, one] = await PostgresSessionLog(history).page(FILTERS["a week"], None, 500)
    return one


async def test_a_device_by_its_name_and_by_its_traces(history: Database) -> None:
    log, one = PostgresSessionLog(history), await _one_of(history)
    rows = await history.fetch(
        "SELECT id FROM past_session WHERE device_trace = $1 ORDER BY started_at DESC, id DESC",
        one.device_trace,
    )
    expected = [row["id"] for row in rows]
    assert len(expected) > 1
    name = f"D-{one.device_trace[:4].hex()}"
    by_name = LogFilter(SINCE, UNTIL, ALL_SITES, sought=read_name(name, SINCE, UNTIL))
    assert [found.id for found in await log.page(by_name, None, 50)] == expected
    weeks = mondays(SINCE, UNTIL)
    traces = [(monday, one.device_trace) for monday in weeks]
    sought = sought_in_weeks(Named.DEVICE, traces)
    by_traces = LogFilter(SINCE, UNTIL, ALL_SITES, sought=sought)
    assert [found.id for found in await log.page(by_traces, None, 50)] == expected
    assert await log.count(by_traces, 1001) == len(expected)


async def test_a_name_of_the_week_before_is_found_where_a_clock_was_put_right(
    history: Database,
) -> None:
    """The session was moved into the next week, and is called what it was called."""
    log, one = PostgresSessionLog(history), await _one_of(history)
    [monday] = mondays(one.started_at, one.started_at + timedelta(microseconds=1))
    for days, is_found in ((-7, True), (0, True), (7, True), (-21, False)):
        names = [(monday + timedelta(days=days), one.device_trace)]
        sought = sought_in_weeks(Named.DEVICE, names)
        wanted = LogFilter(SINCE, UNTIL, ALL_SITES, every_site=True, sought=sought)
        found = [other.id for other in await log.page(wanted, None, 50)]
        assert (one.id in found) == is_found, days


async def test_the_newest_time_is_looked_at_first_and_then_all_of_it(history: Database) -> None:
    """Pages of a filter that has rows in the last weeks, of one that has none, and in between."""
    assert first_look(SINCE, UNTIL) == UNTIL - FIRST_LOOK
    assert first_look(UNTIL - 2 * FIRST_LOOK, UNTIL) is None
    counting = Counting(history)
    log = PostgresSessionLog(counting)
    page = await log.page(FILTERS["a ground"], None, 50)
    assert (len(page), counting.kept) == (50, 0)
    await log.page(FILTERS["a ground"], page[-1].cursor, 50)
    middle = Cursor(SINCE + SPAN / 2, page[-1].id)
    assert len(await log.page(EVERYTHING, middle, 50)) == 50
    await log.count(EVERYTHING, 1001)
    assert counting.kept == 0
    await log.page(FILTERS["what is rare"], None, 50)
    await log.count(FILTERS["what is rare"], 1001)
    assert counting.kept == 2


async def test_a_guest_of_one_site_online_too(history: Database) -> None:
    log = PostgresSessionLog(history)
    [online] = await log.page(FILTERS["online"], None, 1)
    assert (online.ended_at, online.guest_trace is not None) == (None, True)
    assert online.guest_trace is not None
    sought = read_name(f"P-{online.guest_trace[:4].hex()}", SINCE, UNTIL)
    for site in ALL_SITES:
        wanted = LogFilter(SINCE, UNTIL, (site,), sought=sought)
        found = await log.page(wanted, None, 50)
        assert [one.id for one in found] == ([online.id] if site == online.site_id else [])


async def test_who_is_online_is_found_under_each_key_of_the_week(history: Database) -> None:
    """From January to March a card has two names in each week."""
    log = PostgresSessionLog(history)
    [*_, first] = await log.page(FILTERS["online"], None, 2000)  # four hours before the others
    monday = mondays(first.started_at, UNTIL)[0]
    assert first.guest_trace is not None
    weeks = [monday, monday + timedelta(days=7)]
    for place in range(2):
        names = [bytes(32), bytes(32)]
        names[place] = first.guest_trace
        sought = sought_in_weeks(Named.GUEST, [(week, one) for week in weeks for one in names])
        until = max(UNTIL, weeks[-1] + timedelta(days=1))
        wanted = LogFilter(SINCE, until, ALL_SITES, every_site=True, sought=sought)
        assert [one.id for one in await log.page(wanted, None, 50)] == [first.id]


async def test_who_was_connected_at_a_moment(history: Database) -> None:
    log = PostgresSessionLog(history)
    noon = SINCE + SPAN / 2
    window = (noon - timedelta(minutes=1), noon + timedelta(minutes=1))
    rows = await history.fetch(
        "SELECT id, site_id FROM past_session WHERE started_at <= $2 AND ended_at >= $1", *window
    )
    assert rows
    found = await log.at(*window, None, 5000)
    assert {one.id for one in found} == {row["id"] for row in rows}
    there = await log.at(*window, [SiteId("bus")], 5000)
    assert {one.id for one in there} == {row["id"] for row in rows if row["site_id"] == "bus"}
    assert len(await log.at(*window, None, 3)) == 3
    online = await log.at(SINCE + SPAN - timedelta(hours=1), SINCE + SPAN, None, 5000)
    assert sum(one.ended_at is None for one in online) == 2000


async def test_one_session_and_its_time_line(history: Database) -> None:
    log = PostgresSessionLog(history)
    rows = await history.fetch(
        "SELECT session_id, min(at) AS at FROM event WHERE session_id IS NOT NULL"
        " GROUP BY 1 ORDER BY 2 LIMIT 1 OFFSET 500"
    )
    session = await log.find(rows[0]["at"], rows[0]["session_id"])
    assert session is not None
    kinds = [event.kind for event in await log.time_line(session)]
    assert (kinds[0], kinds[-1]) == ("session_started", "session_ended")
    assert await log.find(rows[0]["at"] + timedelta(days=1), session.id) is None
    [online] = await log.page(FILTERS["online"], None, 1)
    assert await log.find(online.started_at, online.id) == online


async def test_refusals_and_changes_in_pages(history: Database) -> None:
    log = PostgresSessionLog(history)
    every_reason = tuple(RefusalReason)
    wanted = EventFilter(SINCE, UNTIL, ALL_SITES, every_site=True, reasons=every_reason)
    first = await log.refused(wanted, None, 50)
    rest = await log.refused(wanted, EventCursor(first[-1].at, first[-1].id), 10_000)
    rows = await history.fetch(
        "SELECT id FROM event WHERE kind = 'sign_in_refused' ORDER BY at DESC, id DESC LIMIT 10050"
    )
    assert [one.id for one in [*first, *rest]] == [row["id"] for row in rows]
    rare = EventFilter(SINCE, UNTIL, ALL_SITES, reasons=("card.blocked",))
    assert {one.detail["reason"] for one in await log.refused(rare, None, 50)} == {"card.blocked"}
    changes = await log.by_staff(wanted, None, 50)
    assert {one.detail["by"] for one in changes} == {"kim"}
    bus = EventFilter(SINCE, UNTIL, (SiteId("bus"),))
    assert {one.site_id for one in await log.by_staff(bus, None, 50)} == {"bus"}


async def test_the_mark_changes_with_what_is_written(history: Database) -> None:
    log = PostgresSessionLog(history)
    before = await log.mark()
    assert await log.mark() == before
    await history.fetch(
        "INSERT INTO event (at, kind, site_id) VALUES ($1, 'clock_jumped', 'city')",
        UNTIL + timedelta(days=1),
    )
    assert await log.mark() != before


# --- what the statements read -------------------------------------------------------------------


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(deeper for one in plan.get("Plans", []) for deeper in _nodes(one))]


async def _explained(history: Database, name: str, *values: object) -> list[dict[str, Any]]:
    text = {"past_of_devices": _PAST_OF[Named.DEVICE]}.get(name) or _SQL[name]
    async with history.connection() as connection:
        rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values)
    return _nodes(json.loads(rows[0][0])[0]["Plan"])


def _reads(nodes: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the rows that tables and indexes gave, and those that were thrown away again."""
    scans = [node for node in nodes if "Relation Name" in node or "Index Name" in node]
    assert scans
    given = sum(node["Actual Rows"] * node["Actual Loops"] for node in scans)
    thrown = sum(
        node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
        + node.get("Rows Removed by Index Recheck", 0)
        for node in scans
    )
    return given, thrown


_PAGE = (SINCE, UNTIL, datetime(9999, 1, 1, tzinfo=UTC), "f" * 32, 51)
_NARROW = [name for name, one in FILTERS.items() if one.narrows and one.takes_past]


async def test_a_page_of_everything_reads_a_page(history: Database) -> None:
    nodes = await _explained(history, "past", *_PAGE)
    given, thrown = _reads(nodes)
    assert not any(node["Node Type"] == "Seq Scan" and node["Actual Rows"] for node in nodes)
    assert (given <= 51 + 60, thrown) == (True, 0)  # each week's newest may be looked at


@pytest.mark.parametrize("name", _NARROW)
async def test_a_filter_reads_its_own_rows_only(history: Database, name: str) -> None:
    statement, values = narrowed(FILTERS[name])
    nodes = await _explained(history, statement, *_PAGE, *values)
    given, thrown = _reads(nodes)
    # Of each kind or site at most a page, and the newest of every week while they are merged.
    assert given <= len(values[0]) * (51 + 60), given
    assert thrown == 0


async def test_an_account_of_many_libraries_walks_each_of_them_once(history: Database) -> None:
    """Forty libraries have 3,000 kinds of ended sessions; each would be asked in every week."""
    many = (*ALL_SITES, *(SiteId(f"branch-{number}") for number in range(37)))
    wanted = LogFilter(SINCE, UNTIL, many)
    assert len(wanted.kinds()) > 2_000
    statement, values = narrowed(wanted)
    nodes = await _explained(history, statement, *_PAGE, *values)
    walks = [node for node in nodes if "Index Name" in node]
    assert max(node["Actual Loops"] for node in walks) == len(many)
    assert all("site_id" in node["Index Name"] for node in walks), walks[0]["Index Name"]
    given, thrown = _reads(nodes)
    assert (given <= len(ALL_SITES) * (51 + 60), thrown) == (True, 0)


_WALKED = [name for name, one in POINTS.items() if one.takes_past]


@pytest.mark.parametrize("name", _WALKED)
async def test_an_access_point_is_walked_by_its_own_index(history: Database, name: str) -> None:
    """One walk, which reads rows of that access point alone, however rare they are."""
    wanted = POINTS[name]
    statement, values = narrowed(wanted)
    nodes = await _explained(history, statement, *_PAGE[:2], *_PAGE[2:], *values)
    assert wanted.point is not None
    column = "access_point_started_at" if wanted.point.nas is None else "access_point_nas"
    walks = [node for node in nodes if "Index Name" in node]
    assert walks
    assert all(column in node["Index Name"] for node in walks), walks[0]["Index Name"]
    assert {node["Actual Loops"] for node in walks if node["Actual Loops"]} == {1}
    given, thrown = _reads(nodes)
    assert given <= 51 + 60, given
    if wanted.ground is None and wanted.every_site:
        assert thrown == 0


async def test_access_points_are_listed_by_looks_not_by_reading(history: Database) -> None:
    nodes = await _explained(history, "points", UNTIL - timedelta(days=14), 500)
    given, thrown = _reads([node for node in nodes if node.get("Relation Name") != "live_session"])
    # Three weeks' tables, the newest row of each, for each of the 81.
    assert (given <= 81 * 3 + 3, thrown) == (True, 0), (given, thrown)
    assert not any(
        node["Node Type"] == "Seq Scan"
        and node.get("Relation Name", "").startswith("past")
        and node["Actual Rows"]
        for node in nodes
    )


async def test_a_session_by_its_place_reads_that_alone(history: Database) -> None:
    over = (await PostgresSessionLog(history).page(FILTERS["a week"], None, 50))[::10]
    held = ([one.id for one in over], [one.started_at for one in over])
    nodes = await _explained(history, "past_held", *_PAGE, *held, *([None] * 5))
    given, thrown = _reads([node for node in nodes if "Index Name" in node])
    assert (given, thrown) == (len(over), 0)


async def test_a_device_is_found_without_reading_others(history: Database) -> None:
    one = await _one_of(history)
    weeks = mondays(SINCE, UNTIL)
    names = [sha256(f"{one.device_trace.hex()}{monday}".encode()).digest() for monday in weeks]
    spans = sought_in_weeks(Named.DEVICE, zip(weeks, names, strict=True)).spans
    nodes = await _explained(
        history,
        "past_of_devices",
        *_PAGE,
        *([span.low for span in spans], [span.high for span in spans]),
        *([span.since for span in spans], [span.until for span in spans]),
        *(None, None, None, None, None),
    )
    given, thrown = _reads(nodes)
    assert (given + thrown) < 100
    walks = [node for node in nodes if "Index Name" in node]
    assert all("device_trace" in node["Index Name"] for node in walks)
    # In its own week's table and those beside it, not every name in each of the 53.
    assert 0 < sum(node["Actual Loops"] for node in walks) < 5 * len(spans)


async def test_a_time_line_reads_the_device_alone(history: Database) -> None:
    one = await _one_of(history)
    nodes = await _explained(
        history,
        "time_line",
        *(
            one.device_trace,
            one.started_at - timedelta(hours=1),
            one.started_at + timedelta(days=1),
        ),
        *(one.id, one.site_id, one.started_at, 500),
    )
    given, thrown = _reads(nodes)
    assert (given + thrown) < 100
    used = {node.get("Index Name", "") for node in nodes}
    assert any("device_trace" in index for index in used)


async def test_refusals_of_a_rare_reason_read_those_alone(history: Database) -> None:
    sites = [*ALL_SITES]
    nodes = await _explained(
        history,
        "refused",
        *(SINCE, UNTIL, _PAGE[2], 1 << 62, 51),
        *(sites, ["card.blocked"] * len(sites)),
    )
    given, thrown = _reads(nodes)
    assert (given <= 200, thrown) == (True, 0)


# --- what is typed stays data ---------------------------------------------------------------------

CORPUS = ("' OR 1=1 --", '"; DROP TABLE event; --', "%", "_", "\\", "city'/*", "1)) UNION SELECT 1")


@pytest.mark.parametrize("text", CORPUS)
async def test_what_looks_like_sql_finds_nothing(history: Database, text: str) -> None:
    log = PostgresSessionLog(history)
    assert await log.page(LogFilter(SINCE, UNTIL, (SiteId(text),)), None, 5) == []
    events = EventFilter(SINCE, UNTIL, (SiteId(text),), reasons=(text,))
    assert await log.refused(events, None, 5) == []
    assert await log.by_staff(events, None, 5) == []
