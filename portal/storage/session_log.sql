-- The log. Each statement reads only what its page shows: by kind (site, ground, end) it asks each
-- kind for its newest rows and merges them, since kinds are few and rows are many.

-- name: live
SELECT id, ground, site_id, started_at, NULL::timestamptz AS ended_at, NULL::text AS end_reason,
       due_at AS ends_at, extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
  FROM live_session
 WHERE started_at >= $1 AND started_at < $2 AND (started_at, id) < ($3, $4)
   AND ($5::text[] IS NULL OR site_id = ANY($5)) AND ($6::text IS NULL OR ground = $6)
   AND ($7::bytea[] IS NULL OR EXISTS (
       SELECT FROM unnest($7, $8::bytea[]) AS sought (low, high)
        WHERE CASE WHEN $9::boolean THEN device_trace ELSE subject_trace END BETWEEN low AND high))
   AND ($11::text IS NULL OR access_point = $11) AND ($12::bytea IS NULL OR nas = $12)
   AND ($13::uuid[] IS NULL OR id = ANY($13))
 ORDER BY started_at DESC, id DESC LIMIT $10

-- name: past
SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
       extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
  FROM past_session
 WHERE started_at >= $1 AND started_at < $2 AND (started_at, id) < ($3, $4)
 ORDER BY started_at DESC, id DESC LIMIT $5

-- name: past_by_kind
SELECT s.* FROM unnest($6::text[], $7::text[], $8::text[]) AS k (site_id, ground, end_reason)
 CROSS JOIN LATERAL (
    SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
           extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
      FROM past_session AS p
     WHERE p.site_id = k.site_id AND p.ground = k.ground AND p.end_reason = k.end_reason
       AND started_at >= $1 AND started_at < $2 AND (started_at, id) < ($3, $4)
     ORDER BY started_at DESC, id DESC LIMIT $5) AS s
 ORDER BY started_at DESC, id DESC LIMIT $5

-- name: past_by_site
-- For accounts of many libraries, which narrow nothing else: a walk a library, not one for each of its
-- ways in and ends. Rows are compared whole: with "site_id =" the planner would walk all libraries'
-- time for one of which there is hardly a row.
SELECT s.* FROM unnest($6::text[]) AS k (site_id)
 CROSS JOIN LATERAL (
    SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
           extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
      FROM past_session AS p
     WHERE (p.site_id, started_at) >= (k.site_id, $1) AND (p.site_id, started_at) < (k.site_id, $2)
       AND (p.site_id, started_at, id) < (k.site_id, $3, $4)
       AND started_at >= $1 AND started_at < $2
     ORDER BY p.site_id DESC, started_at DESC, id DESC LIMIT $5) AS s
 ORDER BY started_at DESC, id DESC LIMIT $5

-- name: past_by_point
-- Rows are compared whole, so that it is the access point's own walk: a way in or an end beside it
-- throws away rows of that access point, and of no other.
SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
       extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
  FROM past_session AS p
 WHERE access_point IS NOT NULL
   AND (p.access_point, started_at) >= ($6::text, $1) AND (p.access_point, started_at) < ($6, $2)
   AND (p.access_point, started_at, id) < ($6, $3, $4)
   AND started_at >= $1 AND started_at < $2
   AND ($7::text[] IS NULL OR site_id = ANY($7)) AND ($8::text IS NULL OR ground = $8)
   AND ($9::text IS NULL OR end_reason = $9)
 ORDER BY p.access_point DESC, started_at DESC, id DESC LIMIT $5

-- name: past_by_nas
SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
       extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
  FROM past_session AS p
 WHERE access_point IS NOT NULL
   AND (p.access_point, p.nas, started_at) >= ($6::text, $10::bytea, $1)
   AND (p.access_point, p.nas, started_at) < ($6, $10, $2)
   AND (p.access_point, p.nas, started_at, id) < ($6, $10, $3, $4)
   AND started_at >= $1 AND started_at < $2
   AND ($7::text[] IS NULL OR site_id = ANY($7)) AND ($8::text IS NULL OR ground = $8)
   AND ($9::text IS NULL OR end_reason = $9)
 ORDER BY p.access_point DESC, p.nas DESC, started_at DESC, id DESC LIMIT $5

-- name: past_held
-- One look a session, in its own week.
WITH found AS MATERIALIZED (
    SELECT s.* FROM unnest($6::uuid[], $7::timestamptz[]) AS held (id, started_at)
     CROSS JOIN LATERAL (
        SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
               extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
          FROM past_session AS p
         WHERE p.started_at = held.started_at AND p.id = held.id
           AND ($8::text[] IS NULL OR site_id = ANY($8)) AND ($9::text IS NULL OR ground = $9)
           AND ($10::text IS NULL OR end_reason = $10)
           AND ($11::text IS NULL OR access_point = $11) AND ($12::bytea IS NULL OR nas = $12)
        OFFSET 0) AS s
)
SELECT * FROM found
 WHERE started_at >= $1 AND started_at < $2 AND (started_at, id) < ($3, $4)
 ORDER BY started_at DESC, id DESC LIMIT $5

-- name: past_of
-- :trace is the name's column: each has an index of its own. Found first and sorted then, since they
-- are few; OFFSET 0 keeps it one look a name, in the weeks that may have it: as a join, the planner
-- would look for every name in every week.
WITH found AS MATERIALIZED (
    SELECT s.* FROM unnest($6::bytea[], $7::bytea[], $8::timestamptz[], $9::timestamptz[])
                    AS sought (low, high, since, until)
     CROSS JOIN LATERAL (
        SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
               extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
          FROM past_session AS p
         WHERE p.:trace BETWEEN sought.low AND sought.high
           AND started_at >= sought.since AND started_at < sought.until
           AND started_at >= $1 AND started_at < $2
           AND ($10::text[] IS NULL OR site_id = ANY($10)) AND ($11::text IS NULL OR ground = $11)
           AND ($12::text IS NULL OR end_reason = $12)
           AND ($13::text IS NULL OR access_point = $13) AND ($14::bytea IS NULL OR nas = $14)
        OFFSET 0) AS s
)
SELECT DISTINCT ON (started_at, id) * FROM found WHERE (started_at, id) < ($3, $4)
 ORDER BY started_at DESC, id DESC LIMIT $5

-- name: count_live
SELECT count(*) FROM (
    SELECT FROM live_session
     WHERE started_at >= $1 AND started_at < $2
       AND ($3::text[] IS NULL OR site_id = ANY($3)) AND ($4::text IS NULL OR ground = $4)
       AND ($6::text IS NULL OR access_point = $6) AND ($7::bytea IS NULL OR nas = $7)
     LIMIT $5) AS found

-- name: count_past
SELECT count(*) FROM (
    SELECT FROM past_session WHERE started_at >= $1 AND started_at < $2 LIMIT $3) AS found

-- name: count_past_by_kind
SELECT count(*) FROM (
    SELECT FROM unnest($4::text[], $5::text[], $6::text[]) AS k (site_id, ground, end_reason)
     CROSS JOIN LATERAL (
        SELECT FROM past_session AS p
         WHERE p.site_id = k.site_id AND p.ground = k.ground AND p.end_reason = k.end_reason
           AND started_at >= $1 AND started_at < $2) AS s
     LIMIT $3) AS found

-- name: count_past_by_site
SELECT count(*) FROM (
    SELECT FROM past_session
     WHERE site_id = ANY($4::text[]) AND started_at >= $1 AND started_at < $2 LIMIT $3) AS found

-- name: count_past_by_point
SELECT count(*) FROM (
    SELECT FROM past_session AS p
     WHERE access_point IS NOT NULL
       AND (p.access_point, started_at) >= ($4::text, $1) AND (p.access_point, started_at) < ($4, $2)
       AND started_at >= $1 AND started_at < $2
       AND ($5::text[] IS NULL OR site_id = ANY($5)) AND ($6::text IS NULL OR ground = $6)
       AND ($7::text IS NULL OR end_reason = $7)
     LIMIT $3) AS found

-- name: count_past_by_nas
SELECT count(*) FROM (
    SELECT FROM past_session AS p
     WHERE access_point IS NOT NULL
       AND (p.access_point, p.nas, started_at) >= ($4::text, $8::bytea, $1)
       AND (p.access_point, p.nas, started_at) < ($4, $8, $2)
       AND started_at >= $1 AND started_at < $2
       AND ($5::text[] IS NULL OR site_id = ANY($5)) AND ($6::text IS NULL OR ground = $6)
       AND ($7::text IS NULL OR end_reason = $7)
     LIMIT $3) AS found

-- name: points
-- Each is found by a look that goes on after the one before: as many looks as there are.
WITH RECURSIVE seen AS (
    (SELECT access_point, nas, site_id FROM past_session
      WHERE access_point IS NOT NULL AND started_at >= $1 ORDER BY access_point, nas LIMIT 1)
     UNION ALL
    SELECT other.* FROM seen CROSS JOIN LATERAL (
        SELECT access_point, nas, site_id FROM past_session AS p
         WHERE access_point IS NOT NULL AND started_at >= $1
           AND (p.access_point, p.nas) > (seen.access_point, seen.nas)
         ORDER BY access_point, nas LIMIT 1) AS other
)
(SELECT access_point, nas, site_id FROM seen LIMIT $2)
 UNION
SELECT access_point, nas, site_id FROM live_session WHERE access_point IS NOT NULL
 ORDER BY access_point, nas, site_id LIMIT $2

-- name: find
SELECT id, ground, site_id, started_at, NULL::timestamptz AS ended_at, NULL::text AS end_reason,
       due_at AS ends_at, extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
  FROM live_session WHERE id = $3
 UNION ALL
SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL, extensions, upload_bytes,
       download_bytes, device_trace, subject_trace, access_point, nas
  FROM past_session WHERE id = $3 AND started_at >= $1 AND started_at < $2
 LIMIT 1

-- name: live_at
SELECT id, ground, site_id, started_at, NULL::timestamptz AS ended_at, NULL::text AS end_reason,
       due_at AS ends_at, extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
  FROM live_session WHERE started_at <= $1 AND ($2::text[] IS NULL OR site_id = ANY($2)) LIMIT $3

-- name: past_at
-- A session is no longer than so; what began before is over.
SELECT id, ground, site_id, started_at, ended_at, end_reason, NULL::timestamptz AS ends_at,
       extensions, upload_bytes, download_bytes, device_trace, subject_trace, access_point, nas
  FROM past_session
 WHERE ended_at >= $1 AND started_at <= $2 AND started_at >= $3
   AND ($4::text[] IS NULL OR site_id = ANY($4))
 LIMIT $5

-- name: time_line
-- The device's tries at this site before it came in, what happened in the session, and what happened to all.
SELECT at, id, kind, site_id, detail::text AS detail, device_trace FROM event
 WHERE device_trace = $1 AND at >= $2 AND at < $3
   AND (session_id = $4 OR (session_id IS NULL AND site_id = $5))
 UNION ALL
SELECT at, id, kind, site_id, detail::text, device_trace FROM event
 WHERE site_id = $5 AND kind IN ('uplink_returned', 'clock_jumped') AND at >= $6 AND at < $3
 ORDER BY at, id LIMIT $7

-- name: access_points
SELECT access_point FROM accounting_session WHERE session_id = $1
 GROUP BY access_point ORDER BY min(started_at), access_point LIMIT 20

-- name: refused
SELECT e.* FROM unnest($6::text[], $7::text[]) AS k (site_id, reason)
 CROSS JOIN LATERAL (
    SELECT at, id, kind, site_id, detail::text AS detail, device_trace FROM event
     WHERE kind = 'sign_in_refused' AND event.site_id = k.site_id
       AND detail ->> 'reason' = k.reason
       AND at >= $1 AND at < $2 AND (at, id) < ($3, $4)
     ORDER BY at DESC, id DESC LIMIT $5) AS e
 ORDER BY at DESC, id DESC LIMIT $5

-- name: by_staff
SELECT at, id, kind, site_id, detail::text AS detail, device_trace FROM event
 WHERE detail ? 'by' AND at >= $1 AND at < $2 AND (at, id) < ($3, $4)
   AND ($6::text[] IS NULL OR site_id = ANY($6))
 ORDER BY at DESC, id DESC LIMIT $5

-- name: mark
SELECT at, id FROM event ORDER BY at DESC, id DESC LIMIT 1
