-- Staff accounts; what must happen once is one statement each.

-- name: create
INSERT INTO staff_account (id, name, roles, sites, created_at, expires_at, link_hash, link_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (name) DO NOTHING RETURNING id

-- name: all
SELECT * FROM staff_account ORDER BY name

-- name: credentials
SELECT * FROM staff_account WHERE name = $1

-- name: grant
UPDATE staff_account SET roles = $2, sites = $3 WHERE name = $1 RETURNING id

-- name: disable
WITH changed AS (
    UPDATE staff_account SET disabled_at = $2 WHERE name = $1 RETURNING id
), ended AS (
    DELETE FROM staff_session
    WHERE $2::timestamptz IS NOT NULL AND account_id IN (SELECT id FROM changed)
)
SELECT id FROM changed

-- name: set_end
UPDATE staff_account SET expires_at = $2 WHERE name = $1 RETURNING id

-- name: confirm
UPDATE staff_account SET reviewed_at = $3, reviewed_by = $2 WHERE name = $1 RETURNING id

-- name: reset
WITH changed AS (
    UPDATE staff_account SET password_hash = NULL, totp_secret = NULL,
        link_hash = $2, link_until = $3
    WHERE name = $1 RETURNING id
), codes AS (
    DELETE FROM staff_recovery_code WHERE account_id IN (SELECT id FROM changed)
), visits AS (
    DELETE FROM staff_session WHERE account_id IN (SELECT id FROM changed)
)
SELECT id FROM changed

-- name: take_link
UPDATE staff_account SET link_hash = NULL, link_until = NULL
WHERE link_hash = $1 AND link_until > $2 RETURNING *

-- name: set_password
UPDATE staff_account SET password_hash = $2 WHERE id = $1

-- name: set_second_factor
WITH changed AS (
    UPDATE staff_account SET totp_secret = $2, totp_step = $3 WHERE id = $1 RETURNING id
), gone AS (
    DELETE FROM staff_recovery_code WHERE account_id = $1 AND hash <> ALL ($4::bytea[])
)
INSERT INTO staff_recovery_code (account_id, hash)
SELECT id, unnest($4::bytea[]) FROM changed ON CONFLICT DO NOTHING

-- name: use_step
UPDATE staff_account SET totp_step = $2 WHERE id = $1 AND totp_step < $2 RETURNING id

-- name: use_recovery
DELETE FROM staff_recovery_code WHERE account_id = $1 AND hash = $2 RETURNING account_id

-- name: replace_recovery
WITH gone AS (
    DELETE FROM staff_recovery_code WHERE account_id = $1 AND hash <> ALL ($2::bytea[])
)
INSERT INTO staff_recovery_code (account_id, hash)
SELECT $1, unnest($2::bytea[]) ON CONFLICT DO NOTHING

-- name: recovery_left
SELECT count(*) FROM staff_recovery_code WHERE account_id = $1
