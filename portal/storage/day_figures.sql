-- What is counted by whole days.

-- name: online
SELECT mac, site_id, started_at FROM live_session
 WHERE started_at >= $1 AND due_at > $2 AND NOT succeeded

-- name: count
INSERT INTO device_today AS d (day, site_id, name, sessions, seen_at)
SELECT $1, site_id, name, began::integer, $5
  FROM unnest($2::text[], $3::bytea[], $4::boolean[]) AS n (site_id, name, began)
 ORDER BY site_id, name
ON CONFLICT (day, site_id, name) DO UPDATE SET
    sessions = d.sessions
        + (excluded.sessions > 0 AND d.seen_at <= excluded.seen_at - interval '4 hours')::integer,
    seen_at = greatest(d.seen_at, excluded.seen_at)

-- name: close_devices
-- A library where nobody was has 0 on a day on which somebody was counted at another.
WITH gone AS (
    DELETE FROM device_today WHERE day < $1 RETURNING day, site_id, name, sessions
), counted AS (
    SELECT day, site_id, sum(sessions) AS sessions, count(*) AS devices
      FROM gone GROUP BY day, site_id
     UNION ALL
    SELECT day, '', sum(sessions), count(DISTINCT name) FROM gone GROUP BY day
), written AS (
    INSERT INTO day_figure AS d (day, site_id, sessions, devices, online_minutes, peak)
    SELECT day, site_id, sessions, devices, 0, 0 FROM counted
    ON CONFLICT (day, site_id) DO UPDATE SET
        sessions = coalesce(d.sessions, 0) + excluded.sessions,
        devices = coalesce(d.devices, 0) + excluded.devices
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: close_empty
UPDATE day_figure AS d SET sessions = 0, devices = 0
 WHERE sessions IS NULL AND day < $1 AND day >= $2
   AND EXISTS (SELECT FROM day_figure AS o WHERE o.day = d.day AND o.sessions IS NOT NULL)

-- name: close_samples
WITH sample AS (
    SELECT (at AT TIME ZONE $3)::date AS day, at, site_id, count, tutored FROM online_sample
     WHERE at >= $2::date::timestamp AT TIME ZONE $3 AND at < $1::date::timestamp AT TIME ZONE $3
), both_kinds AS (
    SELECT day, site_id, count, tutored FROM sample
     UNION ALL
    SELECT day, '', sum(count), sum(tutored) FROM sample GROUP BY day, at
)
INSERT INTO day_figure AS d (day, site_id, online_minutes, peak, tutored_minutes)
SELECT day, site_id, sum(count) * 5, max(count), sum(tutored) * 5
  FROM both_kinds GROUP BY day, site_id
ON CONFLICT (day, site_id) DO UPDATE
   SET online_minutes = excluded.online_minutes, peak = excluded.peak,
       tutored_minutes = excluded.tutored_minutes

-- name: close_help
-- A day is counted twice, and an erasure may take events between: the larger count stays.
WITH done AS (
    SELECT at, site_id, CASE kind
               WHEN 'vouchers_made' THEN 'codes' WHEN 'tutoring_started' THEN 'tutored'
               WHEN 'group_started' THEN 'groups' WHEN 'group_joined' THEN 'group_devices'
               ELSE 'interrupted' END AS what, 1 AS count
      FROM event
     WHERE kind IN ('vouchers_made', 'tutoring_started', 'group_started', 'group_joined',
                    'tutoring_interrupted')
       AND at >= $2::date::timestamp AT TIME ZONE $3 AND at < $1::date::timestamp AT TIME ZONE $3
     UNION ALL
    SELECT at, site_id, CASE by WHEN '' THEN 'guest_faults' ELSE 'faults' END, times
      FROM fault_report
     UNION ALL
    SELECT fixed_at, site_id, 'fixed', 1 FROM fault_report WHERE fixed_at IS NOT NULL
)
INSERT INTO day_help AS d (day, site_id, what, count)
SELECT (at AT TIME ZONE $3)::date, site_id, what, sum(count) FROM done
 WHERE at >= $2::date::timestamp AT TIME ZONE $3 AND at < $1::date::timestamp AT TIME ZONE $3
 GROUP BY 1, 2, 3
ON CONFLICT (day, site_id, what) DO UPDATE SET count = greatest(d.count, excluded.count)

-- name: close_tries
INSERT INTO day_try AS d (day, site_id, method, outcome, reason, count)
SELECT (at AT TIME ZONE $3)::date, site_id, method, outcome, reason, sum(count) FROM sign_in_tally
 WHERE at >= $2::date::timestamp AT TIME ZONE $3 AND at < $1::date::timestamp AT TIME ZONE $3
 GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (day, site_id, method, outcome, reason) DO UPDATE SET count = excluded.count

-- name: close_waits
INSERT INTO day_wait AS d (day, site_id, method, bound_s, count)
SELECT (at AT TIME ZONE $3)::date, site_id, method, bound_s, sum(count) FROM wait_tally
 WHERE at >= $2::date::timestamp AT TIME ZONE $3 AND at < $1::date::timestamp AT TIME ZONE $3
 GROUP BY 1, 2, 3, 4
ON CONFLICT (day, site_id, method, bound_s) DO UPDATE SET count = excluded.count

-- name: last_closed
SELECT max(day) AS day FROM day_figure

-- name: figures
SELECT day, site_id, sessions, devices, online_minutes, peak, tutored_minutes FROM day_figure
 WHERE day >= $1 AND day < $2 ORDER BY day, site_id

-- name: tries
SELECT site_id, method, outcome, reason, sum(count)::bigint AS count FROM day_try
 WHERE day >= $1 AND day < $2 GROUP BY 1, 2, 3, 4

-- name: waits
SELECT site_id, method, bound_s, sum(count)::bigint AS count FROM day_wait
 WHERE day >= $1 AND day < $2 GROUP BY 1, 2, 3

-- name: help
-- Answers of a day that is not over are told with the rest of that day.
SELECT site_id, what, sum(count)::bigint AS count FROM day_help
 WHERE day >= $1 AND day < $2 GROUP BY 1, 2
 UNION ALL
SELECT site_id, answer, sum(count)::bigint FROM day_rating
 WHERE day >= $1 AND day < $2 AND day <= (SELECT max(day) FROM day_figure) GROUP BY 1, 2

-- name: fault_times
-- Medians in hours, by library and ('') of all.
SELECT coalesce(site_id, '') AS site_id,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM seen_at - at) / 3600) AS seen_h,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM fixed_at - at) / 3600)
           AS fixed_h
  FROM fault_report
 WHERE at >= $1::date::timestamp AT TIME ZONE $3 AND at < $2::date::timestamp AT TIME ZONE $3
 GROUP BY GROUPING SETS ((site_id), ())

-- name: rate
INSERT INTO day_rating AS d (day, site_id, answer, count) VALUES ($1, $2, $3, 1)
ON CONFLICT (day, site_id, answer) DO UPDATE SET count = d.count + 1
