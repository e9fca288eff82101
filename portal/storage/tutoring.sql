-- Tutoring: devices by the number on their page, and the protection of their sessions.

-- name: waiting
SELECT number, steps, first_seen_at, last_seen_at, kind FROM arrival
WHERE site_id = $1 AND last_seen_at > $2 AND admitted_at IS NULL
ORDER BY first_seen_at, number

-- name: online
SELECT a.number, a.steps, a.first_seen_at, a.last_seen_at, a.kind FROM arrival AS a
JOIN live_session AS s ON s.mac = a.mac AND s.due_at > $3
WHERE a.site_id = $1 AND a.last_seen_at > $2 AND a.admitted_at IS NOT NULL
  AND (s.tutored_as IS NULL OR (s.protected_until > $3) IS NOT TRUE)
ORDER BY a.number

-- name: device
SELECT mac FROM arrival WHERE site_id = $1 AND number = $2 AND last_seen_at > $3

-- name: tutored
SELECT * FROM live_session
WHERE site_id = $1 AND tutored_as IS NOT NULL AND protected_until > $2 ORDER BY tutored_as

-- name: find
SELECT * FROM live_session WHERE site_id = $1 AND tutored_as = $2

-- name: protect
-- A session that began at another site keeps a number that is free there, or none: it is protected
-- all the same.
WITH held AS (
    UPDATE live_session AS s SET protected_until = $2,
        tutored_as = CASE WHEN EXISTS (
            SELECT FROM live_session AS o
            WHERE o.site_id = s.site_id AND o.tutored_as = $3 AND o.id <> s.id)
            THEN s.tutored_as ELSE $3 END
    WHERE id = $1
    RETURNING *
), told AS (
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
    SELECT $4, $5, site_id, id, trace_key, device_trace,
           jsonb_build_object('number', $3::integer, 'by', $6::text) FROM held
)
SELECT held.*, pg_notify('kvar_session', 'extended ' || site_id || ' ' || id) FROM held

-- name: release
-- A device that is in a group as well stays protected with it.
WITH held AS (
    UPDATE live_session SET tutored_as = NULL, ends_at = $2, ends_because = $3,
        protected_until = (
            SELECT g.ends_at FROM tutoring_group AS g
            WHERE g.id = group_id AND g.ended_at IS NULL AND g.ends_at > $4)
    WHERE id = $1
    RETURNING *
), told AS (
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
    SELECT $4, 'tutoring_ended', site_id, id, trace_key, device_trace,
           jsonb_build_object('number', $5::integer, 'by', $6::text) FROM held
)
SELECT held.*, pg_notify('kvar_session', 'extended ' || site_id || ' ' || id) FROM held

-- name: carry_over
SELECT * FROM carry_over_tutoring($1, $2, $3, $4, $5, $6, $7, $8)
