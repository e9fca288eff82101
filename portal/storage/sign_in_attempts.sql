-- Sign-in attempts. The tally and its locks: reserve_attempt in migrations/0001_sessions.sql.

-- name: reserve
SELECT * FROM reserve_attempt($1, $2, $3, $4, $5)

-- name: settle
UPDATE sign_in_attempt SET outcome = $2 WHERE id = $1

-- name: release
DELETE FROM sign_in_attempt WHERE id = $1
