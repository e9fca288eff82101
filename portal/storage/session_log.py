"""The log in PostgreSQL (implements services.ports.session_log.SessionLog).

Not a store of its own: it reads what sessions and events left behind. The rule to keep: no
statement reads more rows than a page shows, but for those of one device or guest.
"""

import heapq
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from portal.domain.identity import SiteId
from portal.domain.session import EndReason
from portal.domain.session_log import Cursor, Held, LogFilter, Named, Point, Sought
from portal.services.ports.session_log import (
    EventCursor,
    EventFilter,
    LoggedEvent,
    LoggedSession,
)
from portal.storage.database import Database
from portal.storage.statements import load_statements

_SQL = load_statements("session_log")
_TRACES = {Named.DEVICE: "device_trace", Named.GUEST: "subject_trace"}
_PAST_OF = {what: _SQL["past_of"].replace(":trace", trace) for what, trace in _TRACES.items()}

STATEMENTS = (*_SQL.values(), *_PAST_OF.values())
"""All that is ever asked here, as it is sent."""

_END = Cursor(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=(1 << 128) - 1))
_END_OF_EVENTS = EventCursor(_END.at, (1 << 63) - 1)

LIVE_FOR = timedelta(days=9)
"""No session lives longer: two days at most, seven more for clocks that were put right."""

CLOCK_MOVED = timedelta(days=8)
"""A clock that was put right moves a session by so much at most, and it keeps its week's names."""

FIRST_LOOK = timedelta(days=14)
"""A page is sought in the newest time first: most are full of it, and each week is a table."""

TRIES_BEFORE = timedelta(hours=1)
"""What the device tried before it came in belongs to how it came in."""

AFTER_THE_END = timedelta(minutes=1)
LONGEST_TIME_LINE = 500
"""Events: a device that is seen at two places in turn for days would fill a page with that."""


class PostgresSessionLog:
    """Reads history, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, wanted: LogFilter, after: Cursor | None, most: int
    ) -> Sequence[LoggedSession]:
        """See services.ports.session_log.SessionLog.

        Live ones first: one that ends meanwhile is then found twice, and not missed.
        """
        start = after or _END
        live = await self._live(wanted, start, most) if wanted.takes_live else []
        past = await self._past(wanted, start, most) if wanted.takes_past else []
        ended = {session.id for session in past}
        still = [session for session in live if session.id not in ended]
        newest = heapq.merge(still, past, key=lambda one: (one.started_at, one.id), reverse=True)
        return list(newest)[:most]

    async def count(self, wanted: LogFilter, most: int) -> int:
        """See services.ports.session_log.SessionLog."""
        if wanted.sought is not None:
            return len(await self.page(wanted, None, most))
        live = past = 0
        if wanted.takes_live:
            times = (wanted.since, wanted.until)
            [row] = await self._database.fetch(
                *(_SQL["count_live"], *times, _sites(wanted), wanted.ground, most),
                *_point(wanted),
            )
            live = int(row["count"])
        if wanted.takes_past:
            past = await self._count_past(wanted, most)
        return min(live + past, most)

    async def find(self, at: datetime, session_id: UUID) -> LoggedSession | None:
        """See services.ports.session_log.SessionLog."""
        around = (at - timedelta(seconds=1), at + timedelta(seconds=1))
        row = await self._database.fetch_row(_SQL["find"], *around, session_id)
        return None if row is None else _session(row)

    async def at(
        self, since: datetime, until: datetime, sites: Sequence[SiteId] | None, most: int
    ) -> Sequence[LoggedSession]:
        """See services.ports.session_log.SessionLog. Live ones first, as for a page."""
        known = None if sites is None else list(sites)
        live = await self._database.fetch(_SQL["live_at"], until, known, most)
        rows = await self._database.fetch(
            _SQL["past_at"], since, until, since - LIVE_FOR, known, most
        )
        found = {one.id: one for one in map(_session, [*live, *rows])}
        return sorted(found.values(), key=lambda one: (one.started_at, one.id))[:most]

    async def time_line(self, session: LoggedSession) -> Sequence[LoggedEvent]:
        """See services.ports.session_log.SessionLog."""
        until = session.ended_at or session.started_at + LIVE_FOR
        rows = await self._database.fetch(
            _SQL["time_line"],
            *(session.device_trace, session.started_at - TRIES_BEFORE, until + AFTER_THE_END),
            *(session.id, session.site_id, session.started_at, LONGEST_TIME_LINE),
        )
        return [_event(row) for row in rows]

    async def access_points(self, session: LoggedSession) -> Sequence[str]:
        """See services.ports.session_log.SessionLog."""
        rows = await self._database.fetch(_SQL["access_points"], session.id)
        return [row["access_point"] for row in rows]

    async def points(self, since: datetime, most: int) -> Sequence[tuple[Point, SiteId]]:
        """See services.ports.session_log.SessionLog."""
        rows = await self._database.fetch(_SQL["points"], since, most)
        return [(Point(row["access_point"], row["nas"]), SiteId(row["site_id"])) for row in rows]

    async def refused(
        self, wanted: EventFilter, after: EventCursor | None, most: int
    ) -> Sequence[LoggedEvent]:
        """See services.ports.session_log.SessionLog."""
        start = after or _END_OF_EVENTS
        kinds = [(site, reason) for site in wanted.sites for reason in wanted.reasons]
        values = ([site for site, _ in kinds], [reason for _, reason in kinds])
        rows = await self._newest(_SQL["refused"], wanted, start, most, *values)
        return [_event(row) for row in rows]

    async def by_staff(
        self, wanted: EventFilter, after: EventCursor | None, most: int
    ) -> Sequence[LoggedEvent]:
        """See services.ports.session_log.SessionLog."""
        start = after or _END_OF_EVENTS
        rows = await self._database.fetch(
            _SQL["by_staff"],
            *(wanted.since, wanted.until, start.at, start.id, most),
            None if wanted.every_site else list(wanted.sites),
        )
        return [_event(row) for row in rows]

    async def mark(self) -> str:
        """See services.ports.session_log.SessionLog."""
        row = await self._database.fetch_row(_SQL["mark"])
        return "" if row is None else f"{row['at'].timestamp()} {row['id']}"

    async def _live(self, wanted: LogFilter, start: Cursor, most: int) -> list[LoggedSession]:
        lows, highs = None, None
        sought = wanted.sought
        is_device = isinstance(sought, Sought) and sought.what is Named.DEVICE
        if isinstance(sought, Sought):
            # Several names of a week stand side by side: a card has one under each live key.
            spans = [one for one in sought.spans if one.until > wanted.until - LIVE_FOR]
            lows, highs = [span.low for span in spans], [span.high for span in spans]
        rows = await self._database.fetch(
            _SQL["live"],
            *(wanted.since, wanted.until, start.at, start.id),
            *(_sites(wanted), wanted.ground, lows, highs, is_device, most),
            *(*_point(wanted), _ids(sought) if isinstance(sought, Held) else None),
        )
        return [_session(row) for row in rows]

    async def _past(self, wanted: LogFilter, start: Cursor, most: int) -> list[LoggedSession]:
        if isinstance(wanted.sought, Held):
            rows = await self._past_held(wanted.sought, wanted, start, most)
        elif wanted.sought is not None:
            rows = await self._past_of(wanted.sought, wanted, start, most)
        else:
            name, values = narrowed(wanted)
            rows = await self._newest(_SQL[name], wanted, start, most, *values)
        return [_session(row) for row in rows]

    async def _newest(
        self,
        sql: str,
        wanted: LogFilter | EventFilter,
        start: Cursor | EventCursor,
        most: int,
        *values: object,
    ) -> list[asyncpg.Record]:
        until = min(wanted.until, start.at + timedelta.resolution)
        rest = (until, start.at, start.id, most, *values)
        if (since := first_look(wanted.since, until)) is not None:
            rows = await self._database.fetch(sql, since, *rest)
            if len(rows) == most:
                return rows
        return await self._database.fetch_by_kept_plan(sql, wanted.since, *rest)

    async def _past_of(
        self, sought: Sought, wanted: LogFilter, start: Cursor, most: int
    ) -> list[asyncpg.Record]:
        spans = sought.spans
        return await self._database.fetch_by_kept_plan(
            _PAST_OF[sought.what],
            *(wanted.since, wanted.until, start.at, start.id, most),
            *([span.low for span in spans], [span.high for span in spans]),
            [span.since - CLOCK_MOVED for span in spans],
            [span.until + CLOCK_MOVED for span in spans],
            *(_sites(wanted), wanted.ground, wanted.outcome, *_point(wanted)),
        )

    async def _past_held(
        self, held: Held, wanted: LogFilter, start: Cursor, most: int
    ) -> list[asyncpg.Record]:
        return await self._database.fetch_by_kept_plan(
            _SQL["past_held"],
            *(wanted.since, wanted.until, start.at, start.id, most),
            *(_ids(held), [one.at for one in held.sessions]),
            *(_sites(wanted), wanted.ground, wanted.outcome, *_point(wanted)),
        )

    async def _count_past(self, wanted: LogFilter, most: int) -> int:
        name, values = narrowed(wanted)
        sql, rest = _SQL[f"count_{name}"], (wanted.until, most, *values)
        if (since := first_look(wanted.since, wanted.until)) is not None:
            [row] = await self._database.fetch(sql, since, *rest)
            if row["count"] == most:
                return most
        [row] = await self._database.fetch_by_kept_plan(sql, wanted.since, *rest)
        return int(row["count"])


def first_look(since: datetime, until: datetime) -> datetime | None:
    """Return where the newest time begins, which is looked at first; None: all of it is short."""
    return until - FIRST_LOOK if until - since > 2 * FIRST_LOOK else None


def narrowed(wanted: LogFilter) -> tuple[str, tuple[object, ...]]:
    """Return the statement that walks the filter's index, and its values beyond a page's."""
    if wanted.point is not None:
        name, nas = wanted.point
        values = (name, _sites(wanted), wanted.ground, wanted.outcome)
        return ("past_by_point", values) if nas is None else ("past_by_nas", (*values, nas))
    if not wanted.narrows:
        return "past", ()
    if wanted.ground is None and wanted.outcome is None:
        return "past_by_site", ([*wanted.sites],)
    return "past_by_kind", _kinds(wanted)


def _sites(wanted: LogFilter) -> list[SiteId] | None:
    return None if wanted.every_site else list(wanted.sites)


def _point(wanted: LogFilter) -> tuple[str | None, bytes | None]:
    return (None, None) if wanted.point is None else (wanted.point.access_point, wanted.point.nas)


def _ids(held: Held) -> list[UUID]:
    return [one.id for one in held.sessions]


def _kinds(wanted: LogFilter) -> tuple[list[str], list[str], list[str]]:
    kinds = wanted.kinds()
    return (
        [site for site, _, _ in kinds],
        [ground for _, ground, _ in kinds],
        [reason for _, _, reason in kinds],
    )


def _session(row: asyncpg.Record) -> LoggedSession:
    reason = row["end_reason"]
    return LoggedSession(
        id=UUID(int=row["id"].int),
        ground=row["ground"],
        site_id=SiteId(row["site_id"]),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        end_reason=None if reason is None else EndReason(reason),
        ends_at=row["ends_at"],
        extensions=row["extensions"],
        upload_bytes=row["upload_bytes"],
        download_bytes=row["download_bytes"],
        device_trace=row["device_trace"],
        guest_trace=row["subject_trace"],
        point=None if row["access_point"] is None else Point(row["access_point"], row["nas"]),
    )


def _event(row: asyncpg.Record) -> LoggedEvent:
    detail: Mapping[str, object] = json.loads(row["detail"])
    return LoggedEvent(
        at=row["at"],
        id=row["id"],
        kind=row["kind"],
        site_id=SiteId(row["site_id"]),
        detail={name: str(value) for name, value in detail.items()},
        device_trace=row["device_trace"],
    )
