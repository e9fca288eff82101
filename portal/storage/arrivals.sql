-- Captive devices at a site, with the number on their page.

-- name: touch
UPDATE arrival
SET last_seen_at = greatest(last_seen_at, $3),
    admitted_at = CASE WHEN $6 THEN coalesce(admitted_at, $3::timestamptz) END,
    kind = CASE WHEN $5 = '' THEN kind ELSE $5 END
WHERE site_id = $1 AND mac = $2 AND last_seen_at > $4
RETURNING number

-- name: forget_visits
DELETE FROM arrival WHERE (site_id, mac) IN (
    SELECT site_id, mac FROM arrival WHERE site_id = $1 AND last_seen_at <= $2
    FOR UPDATE SKIP LOCKED)

-- name: taken
SELECT number FROM arrival WHERE site_id = $1
UNION SELECT tutored_as FROM live_session WHERE site_id = $1 AND tutored_as IS NOT NULL

-- name: arrive
INSERT INTO arrival (site_id, mac, number, first_seen_at, last_seen_at, kind, admitted_at)
VALUES ($1, $2, $3, $4::timestamptz, $4::timestamptz, $5, CASE WHEN $6 THEN $4::timestamptz END)
ON CONFLICT DO NOTHING
RETURNING number

-- name: add_step
UPDATE arrival
SET steps = (steps || $3::text)[greatest(cardinality(steps) - 8, 1):],
    last_seen_at = greatest(last_seen_at, $4)
WHERE site_id = $1 AND mac = $2
