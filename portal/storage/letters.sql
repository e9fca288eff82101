-- The weekly letter: one a week, whichever node sends it.

-- name: due
-- $1: the newest week that is due, $2: the oldest that is caught up with.
INSERT INTO weekly_letter (week)
SELECT week::date FROM generate_series(
    greatest(coalesce((SELECT max(week) + 7 FROM weekly_letter), $1::date), $2::date)::timestamp,
    $1::date::timestamp, interval '7 days') AS week
ON CONFLICT DO NOTHING

-- name: take
-- The earliest that waits, or nothing: no later one overtakes it.
UPDATE weekly_letter SET tried_at = $1, node = $2
 WHERE week = (SELECT min(week) FROM weekly_letter WHERE sent_at IS NULL)
   AND sent_at IS NULL AND (tried_at IS NULL OR tried_at <= $1::timestamptz - $3::interval)
RETURNING week

-- name: counts
SELECT act, reason, by, count(*)::bigint AS times, sum(found)::bigint AS found
  FROM audit WHERE at >= $1 AND at < $2 GROUP BY act, reason, by ORDER BY act, by, reason

-- name: sent
UPDATE weekly_letter SET sent_at = $2, told = $3::jsonb WHERE week = $1

-- name: latest
SELECT week, tried_at, sent_at FROM weekly_letter ORDER BY week DESC LIMIT $1
