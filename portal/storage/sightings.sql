-- Counters and signs of life of live sessions. Function counted: migrations/0003_continuity.sql.

-- name: note
-- Rows that somebody else holds are left for the next look: no sign-in waits for the counters.
WITH news AS (
    SELECT * FROM unnest($2::macaddr[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::timestamptz[], $8::boolean[])
        AS n(mac, up, down, up_before, down_before, seen_at, again)
), free AS (
    SELECT s.id, s.site_id = ANY($1) AS is_own, news.*
    FROM live_session AS s JOIN news USING (mac)
    ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED
), told AS (
    -- A device that was let in at another site's gate too is counted there by what its keeper saw.
    SELECT *, CASE WHEN is_own THEN coalesce(up_before, 0) ELSE coalesce(up_before, up) END AS up_0,
        CASE WHEN is_own THEN coalesce(down_before, 0) ELSE coalesce(down_before, down) END AS down_0
    FROM free
)
UPDATE live_session AS s SET
    upload_bytes = s.upload_bytes
        + counted(CASE WHEN is_own THEN coalesce(s.upload_reading, up_0) ELSE up_0 END, up),
    download_bytes = s.download_bytes
        + counted(CASE WHEN is_own THEN coalesce(s.download_reading, down_0) ELSE down_0 END, down),
    upload_reading = CASE WHEN is_own THEN up ELSE s.upload_reading END,
    download_reading = CASE WHEN is_own THEN down ELSE s.download_reading END,
    last_seen_at = greatest(s.last_seen_at, seen_at, CASE
        -- they moved while no keeper looked: nobody knows when
        WHEN is_own AND up_before IS NULL
             AND (up, down) <> (s.upload_reading, s.download_reading) THEN $9::timestamptz
        END),
    succeeded = s.succeeded AND NOT again
FROM told WHERE s.id = told.id
RETURNING s.mac, s.succeeded

-- name: place
WITH moved AS (
    INSERT INTO device_place AS p (session_id, place, changed_at)
    SELECT id, $2, $3 FROM live_session WHERE mac = ANY($1::macaddr[])
    ORDER BY id FOR KEY SHARE SKIP LOCKED  -- one that ends needs no place
    ON CONFLICT (session_id) DO UPDATE SET
        place = $2, changed_at = $3,
        changes = CASE WHEN p.changed_at > $3::timestamptz - $4::interval THEN p.changes ELSE 0 END + 1
    WHERE p.place <> $2
    RETURNING session_id, changes
)
INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace)
SELECT $3, 'device_at_two_places', s.site_id, s.id, s.trace_key, s.device_trace
FROM moved JOIN live_session AS s ON s.id = moved.session_id WHERE changes = $5
RETURNING session_id

-- name: quiet
SELECT s.*, ARRAY(SELECT e.site_id FROM session_elsewhere AS e WHERE e.session_id = s.id)
    AS elsewhere
FROM live_session AS s WHERE mac = ANY($1::macaddr[])
