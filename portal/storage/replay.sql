-- What waited on disk while the database was away. Each may come more than once.

-- name: session
SELECT replay_courtesy(
    ROW($1::uuid, $2::text, NULL, $3::macaddr, $4::text, $5::timestamptz, $6::timestamptz,
        $7::text, $5, NULL, 0, $8::text, $9::bytea, NULL, NULL, 0, 0, false, NULL,
        NULL)::live_session,
    $10::bytea)

-- name: sign_out
WITH gone AS (
    DELETE FROM live_session AS s WHERE mac = $1 AND started_at <= $2 RETURNING s AS session
)
SELECT record_end(session, $3, $2) FROM gone
