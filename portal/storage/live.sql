-- All that may be online, for the process that answers access points from memory.

-- name: sessions
SELECT s.*, ARRAY(SELECT e.site_id FROM session_elsewhere AS e WHERE e.session_id = s.id)
    AS elsewhere
FROM live_session AS s WHERE due_at > $1

-- name: by_id
SELECT s.*, ARRAY(SELECT e.site_id FROM session_elsewhere AS e WHERE e.session_id = s.id)
    AS elsewhere
FROM live_session AS s WHERE id = ANY($1::uuid[])

-- name: remembered
SELECT * FROM remembered_device WHERE expires_at > $1

-- name: keep_places
INSERT INTO device_at_access_point AS p (mac, access_point, heard_at, let_in, ip, user_name,
    accounting_session_id, audit_session_id, source_ip, nas_ip, nas_identifier, nas_port, called,
    ssid, nas, let_in_at, granted_until, has_idle_timeout)
SELECT * FROM unnest($1::macaddr[], $2::text[], $3::timestamptz[], $4::boolean[], $5::text[],
    $6::bytea[], $7::bytea[], $8::bytea[], $9::text[], $10::text[], $11::bytea[], $12::bigint[],
    $13::bytea[], $14::bytea[], $15::bytea[], $16::timestamptz[], $17::timestamptz[],
    $18::boolean[]) AS n(mac, access_point, heard_at, let_in, ip, user_name, accounting_session_id,
    audit_session_id, source_ip, nas_ip, nas_identifier, nas_port, called, ssid, nas)
ORDER BY mac, access_point, nas
ON CONFLICT (mac, access_point, nas) DO UPDATE SET (heard_at, let_in, ip, user_name,
    accounting_session_id, audit_session_id, source_ip, nas_ip, nas_identifier, nas_port, called,
    ssid) = (excluded.heard_at, excluded.let_in, excluded.ip, excluded.user_name,
    excluded.accounting_session_id, excluded.audit_session_id, excluded.source_ip, excluded.nas_ip,
    excluded.nas_identifier, excluded.nas_port, excluded.called, excluded.ssid),
    -- The process that heard of a device that is in need not be the one that let it in.
    let_in_at = CASE WHEN p.let_in AND excluded.let_in
        THEN least(p.let_in_at, excluded.let_in_at) ELSE excluded.let_in_at END,
    granted_until = coalesce(excluded.granted_until,
        CASE WHEN p.let_in AND excluded.let_in THEN p.granted_until END),
    has_idle_timeout = coalesce(excluded.has_idle_timeout,
        CASE WHEN p.let_in AND excluded.let_in THEN p.has_idle_timeout END)
WHERE p.heard_at <= excluded.heard_at

-- name: places
SELECT * FROM device_at_access_point WHERE mac = ANY($1::macaddr[]) ORDER BY heard_at DESC

-- name: overdue
SELECT DISTINCT p.access_point, p.source_ip FROM device_at_access_point AS p
WHERE p.let_in AND p.heard_at > $1 AND p.granted_until < $2
  AND NOT EXISTS (SELECT FROM live_session AS s WHERE s.mac = p.mac AND s.due_at > $3)

-- name: misplaced
-- With every place of a device of which one is wrong, so that what is in memory is whole.
SELECT * FROM device_at_access_point WHERE mac IN (
    SELECT p.mac FROM device_at_access_point AS p
    LEFT JOIN live_session AS s ON s.mac = p.mac AND s.due_at > $3
    WHERE p.access_point = ANY($1) AND p.heard_at > $2 AND CASE
        WHEN s.mac IS NULL THEN p.let_in
        WHEN p.let_in THEN p.granted_until IS NULL
            OR greatest(p.granted_until - s.due_at, s.due_at - p.granted_until) > $4
            OR (p.has_idle_timeout IS NOT FALSE AND s.protected_until > $3)
        ELSE NOT EXISTS (SELECT FROM device_at_access_point AS o
                         WHERE o.mac = p.mac AND o.heard_at > p.heard_at)
        END)
ORDER BY heard_at DESC
