-- Live and past sessions. Functions: migrations/0001_sessions.sql.

-- name: start
-- A card number is sealed for a guest who is called so in this week's history, and for nobody else.
WITH started AS MATERIALIZED (
    SELECT * FROM start_or_succeed(
        jsonb_populate_record(NULL::live_session, jsonb_build_object(
            'id', $1::uuid, 'ground', $2::text, 'subject', $3::bytea, 'mac', $4::macaddr,
            'site_id', $5::text, 'started_at', $6::timestamptz, 'ends_at', $7::timestamptz,
            'ends_because', $8::text, 'last_seen_at', $6::timestamptz, 'extensions', 0,
            'trace_key', $9::text, 'device_trace', $10::bytea, 'subject_trace', $11::bytea,
            'upload_bytes', 0, 'download_bytes', 0, 'succeeded', false)),
        $12::integer, $13::bigint, $14::bytea, $15::uuid, $16::timestamptz
    )
), sealed AS (
    INSERT INTO sealed_identity (guest, trace_key, sealed, sealed_at)
    SELECT $11, $9, $17, $6 FROM started
     WHERE $17::bytea IS NOT NULL AND what <> 'replaced' AND (session).subject_trace = $11
    ON CONFLICT (guest) DO UPDATE SET sealed = excluded.sealed, sealed_at = excluded.sealed_at
)
SELECT what, (session).* FROM started

-- name: find
SELECT * FROM live_session WHERE mac = $1

-- name: of_devices
SELECT * FROM live_session WHERE mac = ANY($1::macaddr[])

-- name: of_subject
SELECT * FROM live_session WHERE subject = $1

-- name: last_end
SELECT end_reason, ground FROM past_session
WHERE device_trace = ANY($1) AND ended_at >= $2
ORDER BY ended_at DESC LIMIT 1

-- name: extend
WITH longer AS (
    UPDATE live_session SET ends_at = $3, ends_because = $4, extensions = extensions + 1
    WHERE id = $1 AND ends_at = $2
    RETURNING *
), told AS (
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace)
    SELECT $5, 'session_extended', site_id, id, trace_key, device_trace FROM longer
)
SELECT longer.*, pg_notify('kvar_session', 'extended ' || site_id || ' ' || id) FROM longer

-- name: admit_at
WITH noted AS (
    INSERT INTO session_elsewhere (session_id, site_id)
    SELECT id, $2 FROM live_session WHERE id = $1 FOR KEY SHARE
    ON CONFLICT DO NOTHING
    RETURNING session_id, site_id
)
SELECT pg_notify('kvar_session', 'followed ' || site_id || ' ' || session_id) FROM noted

-- name: end
-- Absence needs what domain/session.py says of it, whatever has happened since it was decided.
WITH gone AS (
    DELETE FROM live_session AS s WHERE id = $1 AND ($2 <> 'absent' OR (
        (protected_until > $3) IS NOT TRUE AND last_seen_at <= $3 - interval '1 hour'))
    RETURNING s AS session
)
SELECT (session).*, record_end(session, $2, greatest($3, (session).started_at)) FROM gone

-- name: end_due
WITH gone AS (
    DELETE FROM live_session AS s WHERE id IN (
        SELECT id FROM live_session WHERE due_at <= $2 AND site_id = ANY($1)
        ORDER BY id FOR UPDATE SKIP LOCKED)  -- a locked one is being ended by somebody else
    RETURNING s AS session
)
SELECT (session).*, record_end(session, (session).ends_because, (session).due_at) FROM gone

-- name: admitted
SELECT mac, due_at FROM live_session AS s
WHERE due_at > $2 AND (site_id = ANY($1) OR EXISTS (
    SELECT FROM session_elsewhere AS e WHERE e.session_id = s.id AND e.site_id = ANY($1)))
