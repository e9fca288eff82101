"""History in bulk, made by PostgreSQL itself: ended sessions over some time, and their events.

Not a model of a library's days: even in time, with some kinds of sessions common, some rare and
some that never are, so that every filter of the log meets what is worst for it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import asyncpg

AT_ONCE = 500_000
PATIENCE_S = 1800
SITES = ("city", "branch", "bus")

_SESSIONS = """
INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason, extensions,
                          trace_key, device_trace, subject_trace, upload_bytes, download_bytes,
                          access_point, nas)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000'
           || lpad(to_hex(n), 12, '0'))::uuid,
       ground, site, at, at + (n % 300) * interval '1 minute',
       CASE WHEN n % 50021 = 0 THEN 'revoked' ELSE ends END, n % 3,
       to_char(at, '"log-"IYYY"-w"IW'),
       sha256(convert_to('d' || n % $4::int || to_char(at, 'IYYYIW'), 'UTF8')),
       CASE WHEN ground IN ('card', 'voucher', 'remembered')
            THEN sha256(convert_to('g' || n % $4::int || to_char(at, 'IYYYIW'), 'UTF8')) END,
       n * 1000::bigint, n * 9000::bigint,
       CASE WHEN n % 50021 = 1 THEN 'cellar' WHEN site <> 'bus' THEN site END,
       CASE WHEN n % 50021 = 1 OR site <> 'bus' THEN convert_to('AP-' || n % 40, 'UTF8') END
  FROM (
    SELECT n, $2::timestamptz + (n - $1::int)::float8 / $3::int * $5::interval AS at,
           (ARRAY['city', 'branch', 'bus'])[1 + least(n % 11 / 4, 2)] AS site,
           CASE WHEN n % 11 / 4 >= 2 THEN 'accept'
                ELSE (ARRAY['card', 'card', 'card', 'remembered', 'remembered', 'voucher',
                            'day_code'])[1 + n / 11 % 7] END AS ground,
           (ARRAY['absent', 'absent', 'closing_time', 'closing_time', 'logged_out', 'time_limit',
                  'replaced'])[1 + n / 77 % 7] AS ends
      FROM generate_series($1::int, $1::int + $3::int - 1) AS n) AS drawn
"""

_EVENTS = """
INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
SELECT at, kind, site_id, id, trace_key, device_trace, detail
  FROM past_session CROSS JOIN LATERAL (VALUES
    (started_at, 'session_started', jsonb_build_object('ground', ground)),
    (ended_at, 'session_ended', jsonb_build_object('reason', end_reason))) AS one (at, kind, detail)
 WHERE upload_bytes / 1000 % $1::int = 0
"""

_REFUSALS = """
INSERT INTO event (at, kind, site_id, trace_key, device_trace, detail)
SELECT started_at, 'sign_in_refused', site_id, trace_key, device_trace, jsonb_build_object('reason',
           CASE upload_bytes / 1000 % 40009 WHEN 1 THEN 'card.blocked' ELSE 'cred.wrong' END)
  FROM past_session WHERE upload_bytes / 1000 % $1::int = 1
"""

_CHANGES = """
INSERT INTO event (at, kind, site_id, detail)
SELECT started_at, 'vouchers_made', site_id, jsonb_build_object('by', 'kim', 'count', 1)
  FROM past_session WHERE upload_bytes / 1000 % ($1::int * 10) = 2
"""


_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made_by
  FROM pg_index AS i
 WHERE i.indrelid = ANY(ARRAY['past_session', 'event']::regclass[]) AND NOT i.indisunique
"""


@asynccontextmanager
async def indexes_built_afterwards(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Write without the indexes that are not needed to write, and build them in the end.

    Ten million rows take a quarter of the time so.
    """
    found = await connection.fetch(_INDEXES)
    for index in found:
        await connection.execute(f"DROP INDEX {index['name']}")
    yield
    for index in found:
        # "ONLY" leaves a partitioned table's parts without theirs.
        whole = index["made_by"].replace(" ON ONLY ", " ON ")
        await connection.execute(whole, timeout=PATIENCE_S)


async def seed_sessions(
    connection: asyncpg.Connection, since: datetime, span: timedelta, count: int, devices: int
) -> None:
    """Write sessions that have ended, of so many devices a week."""
    await connection.execute("SELECT make_weeks($1, $2)", since, span // timedelta(days=7) + 3)
    for first in range(1, count + 1, AT_ONCE):
        some = min(AT_ONCE, count + 1 - first)
        begins, lasts = since + span * ((first - 1) / count), span * (some / count)
        await connection.execute(_SESSIONS, first, begins, some, devices, lasts, timeout=PATIENCE_S)


async def seed_events(connection: asyncpg.Connection, one_in: int) -> None:
    """Write begin and end of one session in so many, as many refusals, and some changes."""
    for statement in (_EVENTS, _REFUSALS, _CHANGES):
        await connection.execute(statement, one_in, timeout=PATIENCE_S)


async def settle(connection: asyncpg.Connection) -> None:
    """Leave the tables as autovacuum leaves those that have been quiet for a while."""
    await connection.execute("VACUUM (ANALYZE) past_session, event", timeout=PATIENCE_S)
