-- Courtesy access. Functions: migrations/0003_continuity.sql.

-- name: take
INSERT INTO courtesy AS c (device, given_at) VALUES ($1, $3)
ON CONFLICT (device) DO UPDATE SET given_at = excluded.given_at WHERE c.given_at < $2
RETURNING given_at

-- name: confirm
SELECT confirmed.what, (confirmed.session).*
FROM confirm_courtesy($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS confirmed
