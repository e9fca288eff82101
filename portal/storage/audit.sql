-- The record of look-ups. Numbers and hashes: migrations/0012_audit.sql.

-- name: write
INSERT INTO audit (at, by, act, reason, case_number, about, found)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *

-- name: page
SELECT * FROM audit WHERE number < $1 AND ($3::text IS NULL OR by = $3)
 ORDER BY number DESC LIMIT $2

-- name: following
SELECT * FROM audit WHERE number > $1 ORDER BY number LIMIT $2
