-- Tokens of the API, by the hash of what a program sends.

-- name: create
INSERT INTO api_token (id, name, hash, scopes, sites, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (name) DO NOTHING RETURNING id

-- name: all
SELECT * FROM api_token ORDER BY name

-- name: find
SELECT * FROM api_token WHERE hash = $1

-- name: revoke
UPDATE api_token SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL RETURNING id

-- name: note_use
UPDATE api_token SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - $3::interval)
