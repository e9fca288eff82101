-- Devices that come back. Functions: migrations/0003_continuity.sql.

-- name: offer
INSERT INTO returning_device (device, ground, subject, until, silently) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (device) DO UPDATE SET ground = excluded.ground, subject = excluded.subject,
    until = excluded.until, silently = excluded.silently

-- name: known
-- Tickets have no id.
SELECT device, subject, ground, until, silently, NULL::uuid AS id, NULL AS label,
       NULL::timestamptz AS added_at, NULL::timestamptz AS named_at,
       NULL::timestamptz AS last_visit_at, NULL::timestamptz AS expires_at,
       NULL::timestamptz AS paused_until
  FROM returning_device AS r WHERE device = ANY($1::bytea[]) AND until > $3
   AND (ground <> 'voucher' OR EXISTS (
       SELECT FROM voucher AS v WHERE v.subject = r.subject AND v.over_at > $3 AND v.revoked_at IS NULL))
UNION ALL
SELECT device, subject, NULL, NULL, NULL, id, label, added_at, named_at, last_visit_at,
       expires_at, paused_until
  FROM remembered_device WHERE device = ANY($2::bytea[]) AND expires_at > $3

-- name: take_up
SELECT started.what, (started.session).*
FROM return_session(
    jsonb_populate_record(NULL::live_session, jsonb_build_object(
        'id', $1::uuid, 'ground', $2::text, 'subject', $3::bytea, 'mac', $4::macaddr,
        'site_id', $5::text, 'started_at', $6::timestamptz, 'ends_at', $7::timestamptz,
        'ends_because', $8::text, 'last_seen_at', $6::timestamptz, 'extensions', 0,
        'trace_key', $9::text, 'device_trace', $10::bytea, 'subject_trace', $11::bytea,
        'upload_bytes', 0, 'download_bytes', 0, 'succeeded', false)),
    $12::integer, $13::boolean, $14::bytea, $15::bytea, $16::timestamptz
) AS started

-- name: remember
WITH gone AS (
    DELETE FROM remembered_device WHERE device = ANY($9::bytea[]) AND device <> $1
), surplus AS (
    DELETE FROM remembered_device WHERE device IN (
        SELECT device FROM remembered_device WHERE subject = $2 AND device <> ALL($9::bytea[])
        ORDER BY last_visit_at DESC, device OFFSET $10 - 1)
)
INSERT INTO remembered_device
    (device, subject, id, label, added_at, named_at, last_visit_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (device) DO UPDATE SET subject = excluded.subject, id = excluded.id,
    label = excluded.label, added_at = excluded.added_at, named_at = excluded.named_at,
    last_visit_at = excluded.last_visit_at, expires_at = excluded.expires_at, paused_until = NULL

-- name: rename
UPDATE remembered_device SET subject = $2, named_at = $3 WHERE subject = $1

-- name: pause
WITH gone AS (DELETE FROM returning_device WHERE device = $3)
UPDATE remembered_device SET paused_until = $2 WHERE device = ANY($1::bytea[])

-- name: of_subject
SELECT * FROM remembered_device WHERE subject = $1 AND expires_at > $2 ORDER BY added_at DESC, id

-- name: forget
DELETE FROM remembered_device WHERE device = ANY($1::bytea[]) RETURNING id

-- name: forget_of
DELETE FROM remembered_device WHERE subject = $1 AND id = $2 RETURNING id

-- name: forget_for_staff
WITH gone AS (
    DELETE FROM remembered_device WHERE device = ANY($1::bytea[]) RETURNING id
)
INSERT INTO event (at, kind, site_id, detail)
SELECT $2, 'device_forgotten', $3, jsonb_build_object('number', $4::integer, 'by', $5::text)
FROM gone LIMIT 1
RETURNING id

-- name: forget_card
SELECT forget_card AS mac FROM forget_card($1::bytea[], $2)
