-- How things stand, in numbers. Asked at every scrape: each statement reads an index's few pages.

-- name: online
SELECT site_id, count(*) AS count FROM live_session
 WHERE due_at > $1 AND NOT succeeded GROUP BY site_id

-- name: faults
SELECT site_id, count(*) AS count, count(*) FILTER (WHERE seen_at IS NULL) AS unseen,
       min(at) AS oldest_at
  FROM fault_report WHERE fixed_at IS NULL GROUP BY site_id

-- name: alarms
SELECT site_id, kind, count(*) AS count FROM event
 WHERE at > $1 AND at <= $2 AND kind = ANY($3) GROUP BY site_id, kind
