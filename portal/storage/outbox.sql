-- Events that wait for the log collector.

-- name: turn_on
INSERT INTO forwarding DEFAULT VALUES ON CONFLICT (one) DO UPDATE SET at = now()

-- name: turn_off
DELETE FROM forwarding WHERE at < now() - $1::interval

-- name: forget_all
DELETE FROM event_outbox WHERE NOT EXISTS (SELECT FROM forwarding)

-- name: take
WITH taken AS (
    SELECT id FROM event_outbox WHERE (taken_until > $2) IS NOT TRUE
     ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE event_outbox AS e SET taken_until = $3 FROM taken WHERE e.id = taken.id
RETURNING e.id, e.at, e.kind, e.site_id, e.session_id, e.device, e.detail::text AS detail

-- name: done
DELETE FROM event_outbox WHERE id = ANY($1::bigint[])

-- name: put_back
UPDATE event_outbox SET taken_until = NULL WHERE id = ANY($1::bigint[])

-- name: trim
WITH gone AS (
    DELETE FROM event_outbox WHERE at < $2 OR id <= (
        SELECT id FROM event_outbox ORDER BY id DESC OFFSET $1 LIMIT 1)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: waiting
SELECT count(*) FROM event_outbox
