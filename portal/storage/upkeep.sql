-- What is due for deletion, and the weeks to come.

-- name: attempts
WITH gone AS (DELETE FROM sign_in_attempt WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: known_devices
WITH gone AS (DELETE FROM known_device WHERE last_used_at < $1 RETURNING 1)
SELECT count(*) FROM gone

-- name: arrivals
WITH gone AS (DELETE FROM arrival WHERE last_seen_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: courtesies
WITH gone AS (DELETE FROM courtesy WHERE given_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: sessions
SELECT forget_sessions($1, $2) AS count

-- name: events
SELECT forget_events($1, $2) AS count

-- name: make_weeks
SELECT make_weeks($1, $2)

-- name: drop_weeks
SELECT drop_empty_weeks($1)
