-- Courtesy access. Functions: migrations/0003_continuity.sql.

-- name: take
INSERT INTO courtesy AS c (device, given_at) VALUES ($1, $3)
ON CONFLICT (device) DO UPDATE SET given_at = excluded.given_at WHERE c.given_at < $2
RETURNING given_at

-- name: confirm
WITH confirmed AS MATERIALIZED (
    SELECT * FROM confirm_courtesy($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
), sealed AS (
    INSERT INTO sealed_identity (guest, trace_key, sealed, sealed_at)
    SELECT $4, $11, $12, $10 FROM confirmed
     WHERE $12::bytea IS NOT NULL AND what = 'confirmed' AND (session).subject_trace = $4
    ON CONFLICT (guest) DO UPDATE SET sealed = excluded.sealed, sealed_at = excluded.sealed_at
)
SELECT what, (session).* FROM confirmed
