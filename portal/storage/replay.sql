-- What waited on disk while the database was away. Each may come more than once.

-- name: session
SELECT replay_courtesy(
    jsonb_populate_record(NULL::live_session, jsonb_build_object(
        'id', $1::uuid, 'ground', $2::text, 'mac', $3::macaddr, 'site_id', $4::text,
        'started_at', $5::timestamptz, 'ends_at', $6::timestamptz, 'ends_because', $7::text,
        'trace_key', $8::text, 'device_trace', $9::bytea)),
    $10::bytea)

-- name: return
SELECT replay_return(
    jsonb_populate_record(NULL::live_session, jsonb_build_object(
        'id', $1::uuid, 'ground', $2::text, 'mac', $3::macaddr, 'site_id', $4::text,
        'started_at', $5::timestamptz, 'ends_at', $6::timestamptz, 'ends_because', $7::text,
        'trace_key', $8::text, 'device_trace', $9::bytea, 'subject_trace', $10::bytea)),
    $11::integer, $12::bytea[], $13::timestamptz)

-- name: sign_out
-- The session may have ended by itself meanwhile, and left a ticket.
WITH ticket AS (
    DELETE FROM returning_device WHERE device = $6
), paused AS (
    UPDATE remembered_device SET paused_until = greatest(paused_until, $5)
    WHERE device = ANY($4::bytea[])
), gone AS (
    DELETE FROM live_session AS s WHERE mac = $1 AND started_at <= $2 RETURNING s AS session
)
SELECT record_end(session, $3, $2) FROM gone
