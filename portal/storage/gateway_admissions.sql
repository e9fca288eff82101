-- Whom gateways that ask are to let in and to put out.

-- name: find
SELECT session_id, asked_at, acknowledged_at FROM gateway_admission WHERE client = $1 AND rhid = $2

-- name: ask
INSERT INTO gateway_admission (client, rhid, gateway, session_id, asked_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (client, rhid) DO UPDATE
   SET gateway = excluded.gateway, session_id = excluded.session_id, asked_at = excluded.asked_at,
       acknowledged_at = NULL, put_out_at = NULL

-- name: to_let_in
WITH due AS (
    SELECT a.client, a.rhid FROM gateway_admission AS a JOIN live_session AS s ON s.id = a.session_id
     WHERE a.client = $1 AND a.gateway = $2 AND a.acknowledged_at IS NULL AND a.asked_at >= $3
       AND s.due_at > $4
     ORDER BY a.listed_at NULLS FIRST, a.asked_at LIMIT $5
     FOR UPDATE OF a SKIP LOCKED
), told AS (
    UPDATE gateway_admission AS a
       SET listed_at = $4, told_until = greatest(a.told_until, s.due_at)
      FROM due, live_session AS s
     WHERE a.client = due.client AND a.rhid = due.rhid AND s.id = a.session_id
    RETURNING a.rhid, a.session_id
)
SELECT told.rhid, s.* FROM told JOIN live_session AS s ON s.id = told.session_id

-- name: let_in
UPDATE gateway_admission SET acknowledged_at = $4
 WHERE client = $1 AND gateway = $2 AND rhid = ANY($3::bytea[])
   AND acknowledged_at IS NULL AND listed_at IS NOT NULL

-- name: to_put_out
SELECT rhid FROM gateway_admission AS a
 WHERE client = $1 AND gateway = $2 AND put_out_at IS NULL AND told_until > $3
   AND NOT EXISTS (SELECT FROM live_session AS s WHERE s.id = a.session_id AND s.due_at > $3)
 ORDER BY listed_at LIMIT $4

-- name: put_out
UPDATE gateway_admission SET put_out_at = $4
 WHERE client = $1 AND gateway = $2 AND rhid = ANY($3::bytea[]) AND told_until IS NOT NULL
