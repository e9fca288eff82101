-- Vouchers. Their rules under concurrency are functions in migrations/0004_vouchers.sql.

-- name: take_serials
SELECT series, first_number FROM take_serials($1, $2, $3)

-- name: make
INSERT INTO voucher AS v (id, letters, number, making, site_id, is_everywhere, preset, key_id, code,
    token, subject, sealed, most_devices, made_at, starts_at, use_before, length, until)
SELECT told.id, $1, $2 + told.place - 1, $3, $4, $5, $6, told.key_id, told.code,
       told.token, told.subject, told.sealed, $7, $8, $9, $10, $11, $12
FROM unnest($13::uuid[], $14::text[], $15::bytea[], $16::bytea[], $17::bytea[], $18::bytea[])
     WITH ORDINALITY AS told (id, key_id, code, token, subject, sealed, place)
ON CONFLICT DO NOTHING
RETURNING v.*, 0::bigint AS devices

-- name: note_making
INSERT INTO event (at, kind, site_id, detail) VALUES ($1, 'vouchers_made', $2, jsonb_build_object(
    'series', $3::text, 'first', $4::integer, 'count', $5::integer, 'preset', $6::text,
    'by', $7::text))

-- name: try_code
SELECT tried.what, tried.until AS wait_until, v.*,
       (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM try_voucher_code($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS tried
LEFT JOIN voucher AS v ON v.id = tried.known

-- name: by_token
SELECT v.*, (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM voucher AS v WHERE v.token = ANY($1::bytea[])

-- name: by_code
SELECT v.*, (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM voucher AS v WHERE v.code = ANY($1::bytea[]) ORDER BY v.made_at DESC LIMIT 1

-- name: by_serial
SELECT v.*, (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM voucher AS v WHERE v.letters = $1 AND v.number = $2

-- name: by_subject
SELECT v.*, (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM voucher AS v WHERE v.subject = $1

-- name: has_place
SELECT FROM voucher_device WHERE voucher_id = $1 AND device = $2

-- name: redeem
-- By the columns' names, so that a column more in live_session is no matter here.
SELECT used.what, (used.session).*
FROM redeem_voucher($1, jsonb_populate_record(NULL::live_session, jsonb_build_object(
    'id', $2::uuid, 'ground', $3::text, 'subject', $4::bytea, 'mac', $5::macaddr,
    'site_id', $6::text, 'started_at', $7::timestamptz, 'ends_at', $8::timestamptz,
    'ends_because', $9::text, 'trace_key', $10::text, 'device_trace', $11::bytea,
    'subject_trace', $12::bytea)), $13, $14, $15, $16, $17) AS used

-- name: recent
SELECT v.*, (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM voucher AS v WHERE v.site_id = $1 ORDER BY v.made_at DESC, v.number DESC LIMIT $2

-- name: makings
-- Reads the site's vouchers by index, some thousands at the most.
SELECT v.*, made.count,
       (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM (SELECT making, max(made_at) AS at, min(number) AS number, count(*) AS count
        FROM voucher WHERE site_id = $1 GROUP BY making ORDER BY at DESC, number DESC LIMIT $2
     ) AS made
JOIN voucher AS v ON v.making = made.making AND v.number = made.number
ORDER BY made.at DESC, made.number DESC

-- name: of_series
SELECT v.*, (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) AS devices
FROM voucher AS v WHERE v.letters = $1 ORDER BY v.number

-- name: live
SELECT count(*) FROM voucher AS v
WHERE (v.site_id = $1 OR v.is_everywhere) AND v.over_at > $2
  AND (SELECT count(*) FROM voucher_device AS d WHERE d.voucher_id = v.id) < v.most_devices

-- name: undo
WITH gone AS (
    DELETE FROM voucher WHERE site_id = $1 AND making = $2 AND made_at > $3
       AND first_used_at IS NULL RETURNING letters, number
), told AS (
    INSERT INTO event (at, kind, site_id, detail)
    SELECT $4, 'vouchers_undone', $1, jsonb_build_object('series', min(letters),
        'first', min(number), 'count', count(*), 'by', $5::text)
    FROM gone HAVING count(*) > 0
)
SELECT count(*) FROM gone

-- name: revoke
SELECT voucher_id, device FROM revoke_vouchers($1, $2, $3)

-- name: note_revocation
INSERT INTO event (at, kind, site_id, detail) VALUES ($1, 'vouchers_revoked', $2,
    jsonb_build_object('serial', $3::text, 'count', $4::integer, 'devices', $5::integer,
        'by', $6::text))

-- name: prolong
SELECT is_voucher, (session).* FROM prolong_voucher($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: sealed
SELECT id, key_id, sealed FROM voucher WHERE id = ANY($1::uuid[])

-- name: note
INSERT INTO event (at, kind, site_id, detail)
VALUES ($1, $2, $3, jsonb_build_object('serial', $4::text, 'by', $5::text))

-- name: replace
SELECT v.id FROM replace_voucher($1, jsonb_populate_record(NULL::voucher, jsonb_build_object(
    'id', $2::uuid, 'making', $3::uuid, 'key_id', $4::text, 'code', $5::bytea, 'token', $6::bytea,
    'subject', $7::bytea, 'sealed', $8::bytea, 'made_at', $9::timestamptz)), $10) AS v

-- name: pauses
-- The tutoring that protects a session now began at the last event that says so.
SELECT s.id, least($2, s.protected_until) - (
    SELECT max(e.at) FROM event AS e
    WHERE e.session_id = s.id AND e.at >= s.started_at
      AND e.kind IN ('tutoring_started', 'tutoring_carried_over', 'group_joined')) AS paused
FROM live_session AS s
WHERE s.id = ANY($1::uuid[]) AND s.protected_until IS NOT NULL
  -- whoever is held by a tutor and a group goes on being held by the other one
  AND (s.group_id IS NULL OR s.tutored_as IS NULL)
