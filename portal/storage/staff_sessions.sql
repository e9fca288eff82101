-- Visits of staff to the staff site, by the hash of what the browser holds.

-- name: begin
WITH gone AS (
    DELETE FROM staff_session WHERE id = $9
), seen AS (
    UPDATE staff_account SET last_sign_in_at = $6 WHERE id = $3 AND $4 = 'open'
)
INSERT INTO staff_session (id, token_hash, account_id, stage, site_id, started_at, last_used_at,
                           ends_at, label)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)

-- name: find
SELECT a.*, s.id AS session_id, s.stage, s.site_id, s.started_at, s.last_used_at, s.ends_at,
       s.locked, s.label
FROM staff_session AS s JOIN staff_account AS a ON a.id = s.account_id
WHERE s.token_hash = $1

-- name: touch
UPDATE staff_session SET last_used_at = greatest(last_used_at, $2) WHERE id = $1

-- name: lock
UPDATE staff_session SET locked = true WHERE id = $1

-- name: unlock
UPDATE staff_session SET locked = false, last_used_at = $2 WHERE id = $1

-- name: choose_site
UPDATE staff_session SET site_id = $2 WHERE id = $1

-- name: offer_secret
UPDATE staff_session SET pending_secret = coalesce(pending_secret, $2) WHERE id = $1
RETURNING pending_secret

-- name: of_account
SELECT a.*, s.id AS session_id, s.stage, s.site_id, s.started_at, s.last_used_at, s.ends_at,
       s.locked, s.label
FROM staff_session AS s JOIN staff_account AS a ON a.id = s.account_id
WHERE a.id = $1 AND s.stage = 'open' AND s.ends_at > $2
ORDER BY s.last_used_at DESC, s.id

-- name: end
DELETE FROM staff_session WHERE account_id = $1 AND id = $2

-- name: end_others
DELETE FROM staff_session WHERE account_id = $1 AND id <> $2

-- name: end_all
DELETE FROM staff_session WHERE account_id = $1
