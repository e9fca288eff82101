-- What is kept of one card, voucher or device. Deleting it: migrations/0019_identity_and_rights.sql.

-- name: find
-- Who of staff did something is not the person's.
WITH session AS (
    SELECT id, site_id, ground, started_at, NULL::timestamptz AS ended_at, NULL AS end_reason,
           ends_at, extensions, upload_bytes, download_bytes, device_trace, subject_trace, mac,
           access_point, nas
      FROM live_session WHERE subject = ANY($1::bytea[]) OR mac = ANY($5::macaddr[])
    UNION ALL
    SELECT id, site_id, ground, started_at, ended_at, end_reason, NULL, extensions, upload_bytes,
           download_bytes, device_trace, subject_trace, NULL, access_point, nas
      FROM past_session WHERE subject_trace = ANY($2::bytea[]) OR device_trace = ANY($4::bytea[])
), near AS (
    SELECT mac FROM session WHERE mac IS NOT NULL UNION SELECT unnest($5::macaddr[])
), happened AS (
    SELECT at, id, kind, site_id, detail FROM event WHERE device_trace = ANY($4)
    UNION
    SELECT e.at, e.id, e.kind, e.site_id, e.detail FROM event AS e JOIN session AS s
        ON e.device_trace = s.device_trace AND e.session_id = s.id
    UNION
    SELECT at, id, kind, site_id, detail FROM event
     WHERE kind = 'voucher_used' AND detail ->> 'serial' = ANY(ARRAY(
           SELECT serial_of(v) FROM voucher AS v WHERE v.id = ANY($6::uuid[])))
), found (kind, at, says) AS (
    SELECT 'session', started_at, jsonb_build_object(
        'id', id, 'site', site_id, 'ground', ground, 'started_at', started_at,
        'ended_at', ended_at, 'ends_at', ends_at, 'end_reason', end_reason,
        'extensions', extensions, 'upload_bytes', upload_bytes, 'download_bytes', download_bytes,
        'device', 'D-' || upper(encode(substr(device_trace, 1, 4), 'hex')),
        'guest', 'P-' || upper(encode(substr(subject_trace, 1, 4), 'hex')), 'address', mac,
        'access_point', access_point || coalesce('/' || encode(nas, 'escape'), ''))
      FROM session
    UNION ALL
    SELECT 'event', at, jsonb_build_object('at', at, 'site', site_id, 'what', kind) || (detail - 'by')
      FROM happened
    UNION ALL
    SELECT 'event_to_forward', at, jsonb_build_object('at', at, 'site', site_id, 'what', kind)
      FROM event_outbox
     WHERE session_id IN (SELECT id FROM session) OR device = ANY(
           ARRAY(SELECT encode(substr(t, 1, 8), 'hex') FROM unnest($4) AS t))
    UNION ALL
    SELECT 'accounting', started_at, jsonb_build_object(
        'site', site_id, 'started_at', started_at, 'ended_at', ended_at,
        'upload_bytes', upload_octets, 'download_bytes', download_octets)
      FROM accounting_session WHERE session_id IN (SELECT id FROM session)
    UNION ALL
    SELECT 'ports', since, jsonb_build_object(
        'site', site_id, 'ports', low || '-' || high, 'at', since, 'last_used_at', seen_at)
      FROM port_block WHERE session_id IN (SELECT id FROM session)
    UNION ALL
    SELECT 'address', since, jsonb_build_object(
        'site', site_id, 'address', address, 'at', since, 'last_used_at', seen_at)
      FROM guest_address WHERE session_id IN (SELECT id FROM session)
    UNION ALL
    SELECT 'counted_today', seen_at, jsonb_build_object('site', site_id, 'last_used_at', seen_at)
      FROM device_today WHERE name = ANY($9::bytea[])
    UNION ALL
    SELECT 'attempt', at, jsonb_build_object('at', at, 'site', site_id, 'outcome', outcome)
      FROM sign_in_attempt WHERE card = ANY($1) OR device = ANY($3::bytea[])
    UNION ALL
    SELECT 'code_attempt', at, jsonb_build_object('at', at, 'site', site_id)
      FROM code_attempt WHERE device = ANY($3)
    UNION ALL
    SELECT 'known_device', last_used_at, jsonb_build_object('last_used_at', last_used_at)
      FROM known_device WHERE card = ANY($1) OR device = ANY($3)
    UNION ALL
    SELECT 'remembered_device', added_at, jsonb_build_object(
        'label', label, 'at', added_at, 'last_used_at', last_visit_at, 'ends_at', expires_at)
      FROM remembered_device WHERE subject = ANY($1) OR device = ANY($3)
    UNION ALL
    SELECT 'ticket', until, jsonb_build_object('ground', ground, 'ends_at', until)
      FROM returning_device WHERE subject = ANY($1) OR device = ANY($4)
    UNION ALL
    SELECT 'courtesy', given_at, jsonb_build_object('at', given_at)
      FROM courtesy WHERE device = ANY($3)
    UNION ALL
    SELECT 'arrival', first_seen_at, jsonb_build_object(
        'site', site_id, 'address', mac, 'label', kind, 'number', number,
        'at', first_seen_at, 'last_used_at', last_seen_at)
      FROM arrival WHERE mac IN (SELECT mac FROM near)
    UNION ALL
    SELECT 'place', heard_at, jsonb_build_object(
        'address', mac, 'access_point', access_point, 'last_used_at', heard_at)
      FROM device_at_access_point WHERE mac IN (SELECT mac FROM near)
    UNION ALL
    SELECT 'voucher_place', d.since, jsonb_build_object('serial', serial_of(v), 'at', d.since)
      FROM voucher_device AS d JOIN voucher AS v ON v.id = d.voucher_id
     WHERE d.voucher_id = ANY($6) OR EXISTS (
           SELECT FROM unnest($7::uuid[], $8::bytea[]) AS p (voucher_id, device)
            WHERE p.voucher_id = d.voucher_id AND p.device = d.device)
    UNION ALL
    SELECT 'voucher', made_at, jsonb_build_object(
        'serial', serial_of(v), 'site', site_id, 'at', made_at, 'started_at', first_used_at,
        'ends_at', coalesce(ends_at, use_before), 'ended_at', revoked_at)
      FROM voucher AS v WHERE id = ANY($6)
    UNION ALL
    SELECT 'sealed_identity', sealed_at, jsonb_build_object('at', sealed_at)
      FROM sealed_identity WHERE guest = ANY($2)
)
SELECT kind, at, jsonb_strip_nulls(says)::text AS says FROM found ORDER BY kind, at

-- name: weeks_with_history
SELECT monday FROM unnest($1::timestamptz[]) AS monday
 WHERE EXISTS (SELECT FROM past_session AS s
                WHERE s.started_at >= monday AND s.started_at < monday + interval '168 hours')
    OR EXISTS (SELECT FROM event AS e
                WHERE e.at >= monday AND e.at < monday + interval '168 hours'
                  AND e.device_trace IS NOT NULL)
 ORDER BY monday

-- name: used_vouchers
SELECT v.id, v.key_id, v.subject FROM voucher AS v
 WHERE EXISTS (SELECT FROM voucher_device AS d WHERE d.voucher_id = v.id)

-- name: erase
SELECT told::text AS told, macs, number, hash FROM erase_subject(
    $1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::macaddr[], $6::uuid[], $7::uuid[],
    $8::bytea[], $9::bytea[], $10, $11, $12, $13, $14)
