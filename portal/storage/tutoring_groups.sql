-- Tutoring groups. Their rules under concurrency are functions in migrations/0003_continuity.sql.

-- name: start
SELECT * FROM start_group(
    jsonb_populate_record(NULL::tutoring_group, jsonb_build_object(
        'id', $1::uuid, 'site_id', $2::text, 'code', $3::bytea, 'starts_at', $4::timestamptz,
        'ends_at', $5::timestamptz, 'most_devices', $6::integer)), $7)

-- name: keep_code
INSERT INTO room_code_shown (group_id, sealed) VALUES ($1, $2) ON CONFLICT (group_id) DO NOTHING

-- name: kept_code
SELECT sealed FROM room_code_shown WHERE group_id = $1

-- name: try_code
SELECT what, until, (known).* FROM try_code($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: join
-- By the columns' names, so that a column more in live_session is no matter here.
SELECT joined.what, (joined.session).*
FROM join_group($1, jsonb_populate_record(NULL::live_session, jsonb_build_object(
    'id', $2::uuid, 'ground', $3::text, 'mac', $4::macaddr, 'site_id', $5::text,
    'started_at', $6::timestamptz, 'ends_at', $7::timestamptz, 'ends_because', $8::text,
    'trace_key', $9::text, 'device_trace', $10::bytea))) AS joined

-- name: live
SELECT g.*, (
    SELECT count(*) FROM live_session AS s
    WHERE s.group_id = g.id AND NOT s.succeeded AND s.due_at > $2) AS devices
FROM tutoring_group AS g WHERE g.site_id = $1 AND g.ended_at IS NULL ORDER BY g.number

-- name: members
SELECT * FROM live_session WHERE group_id = $1 ORDER BY id

-- name: prolong
SELECT what, (is_longer).ends_at AS window_ends_at, (session).*
FROM extend_group($1, $2, $3, $4)

-- name: end
SELECT what, (session).* FROM end_group($1, $2, $3, $4, $5, $6)
