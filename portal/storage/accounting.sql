-- Accounts of visits to access points. Rules: portal/domain/accounting.py.

-- name: lock
-- Whoever writes accounts of an access point holds its lock; several are taken in order.
SELECT pg_advisory_xact_lock(hashtextextended('accounting ' || ap, 0))
FROM unnest($1::text[]) AS ap ORDER BY ap

-- name: read
SELECT * FROM accounting_session WHERE name = ANY($1::bytea[])

-- name: lock_sessions
-- In the order in which whoever changes several of them locks them.
SELECT id FROM live_session WHERE id = ANY($1::uuid[]) OR mac = ANY($2::macaddr[])
ORDER BY id FOR NO KEY UPDATE

-- name: write
-- What was counted belongs to the session that Class names, to the device's own that ran then, or to
-- the history of the one named.
WITH written AS (
    INSERT INTO accounting_session AS a (name, access_point, nas, bss, site_id, session_id,
        started_at, told_at, heard_at, upload_octets, download_octets, upload_before,
        download_before, duration, restarted_at, ended_at, closed_by, cause)
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bytea[], $5::text[], $6::uuid[],
        $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::bigint[],
        $12::bigint[], $13::bigint[], $14::interval[], $15::timestamptz[], $16::timestamptz[],
        $17::text[], $18::integer[])
    ON CONFLICT (name) DO UPDATE SET (bss, session_id, started_at, told_at, heard_at,
        upload_octets, download_octets, upload_before, download_before, duration, restarted_at,
        ended_at, closed_by, cause) = (excluded.bss, excluded.session_id, excluded.started_at,
        excluded.told_at, excluded.heard_at, excluded.upload_octets, excluded.download_octets,
        excluded.upload_before, excluded.download_before, excluded.duration, excluded.restarted_at,
        excluded.ended_at, excluded.closed_by, excluded.cause)
), counted AS (
    SELECT c.*, coalesce(named.id, running.id) AS live_id
    FROM unnest($19::macaddr[], $20::uuid[], $21::bigint[], $22::bigint[], $23::timestamptz[])
             AS c(mac, session_id, up, down, seen_at)
    LEFT JOIN live_session AS named ON named.id = c.session_id
    LEFT JOIN live_session AS running ON running.mac = c.mac AND running.started_at <= c.seen_at
), live AS (
    UPDATE live_session AS s SET
        upload_bytes = grown(s.upload_bytes, n.up), download_bytes = grown(s.download_bytes, n.down),
        last_seen_at = greatest(s.last_seen_at, n.seen_at)
    FROM (SELECT live_id, sum(up) AS up, sum(down) AS down, max(seen_at) AS seen_at
          FROM counted WHERE live_id IS NOT NULL GROUP BY live_id) AS n
    WHERE s.id = n.live_id
)
UPDATE past_session AS s SET
    upload_bytes = grown(s.upload_bytes, n.up), download_bytes = grown(s.download_bytes, n.down)
FROM (SELECT session_id, sum(up) AS up, sum(down) AS down FROM counted
      WHERE live_id IS NULL AND session_id IS NOT NULL AND up + down > 0
      GROUP BY session_id) AS n
WHERE s.id = n.session_id AND s.started_at >= began_at(n.session_id)
  AND s.started_at < began_at(n.session_id) + interval '1 millisecond'

-- name: restart
-- The access point knows nothing any more of what it began before.
UPDATE accounting_session
   SET ended_at = greatest(started_at, $4), closed_by = 'reboot', cause = 11
 WHERE access_point = $1 AND nas = $2 AND ended_at IS NULL AND started_at < $4
   AND (bss = $3 OR $3 = '\x'::bytea)

-- name: close_silent
WITH closed AS (
    UPDATE accounting_session AS a SET ended_at = a.told_at, closed_by = 'silence', cause = 2
    FROM unnest($1::text[], $2::timestamptz[]) AS t(access_point, silent_since)
    WHERE a.access_point = t.access_point AND a.ended_at IS NULL AND a.heard_at < t.silent_since
    RETURNING 1
)
SELECT count(*) FROM closed

-- name: heard
SELECT access_point, max(heard_at) AS heard_at FROM accounting_session
WHERE heard_at > $1 GROUP BY access_point

-- name: quiet
-- Sessions of these sites that no access point has told of since then, though one did before.
SELECT s.*, a.access_point FROM live_session AS s
CROSS JOIN LATERAL (
    SELECT access_point FROM accounting_session WHERE session_id = s.id
    ORDER BY heard_at DESC LIMIT 1) AS a
WHERE s.site_id = ANY($1) AND s.last_seen_at < $2
