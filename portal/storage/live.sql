-- All that may be online, for the process that answers access points from memory.

-- name: sessions
SELECT * FROM live_session WHERE due_at > $1

-- name: by_id
SELECT * FROM live_session WHERE id = ANY($1::uuid[])

-- name: remembered
SELECT * FROM remembered_device WHERE expires_at > $1

-- name: keep_places
INSERT INTO device_at_access_point AS p (mac, access_point, heard_at, let_in, ip, user_name,
    accounting_session_id, audit_session_id, source_ip, nas_ip, nas_identifier, nas_port, called,
    ssid)
SELECT * FROM unnest($1::macaddr[], $2::text[], $3::timestamptz[], $4::boolean[], $5::text[],
    $6::bytea[], $7::bytea[], $8::bytea[], $9::text[], $10::text[], $11::bytea[], $12::bigint[],
    $13::bytea[], $14::bytea[]) AS n(mac)
ORDER BY mac
ON CONFLICT (mac) DO UPDATE SET (access_point, heard_at, let_in, ip, user_name,
    accounting_session_id, audit_session_id, source_ip, nas_ip, nas_identifier, nas_port, called,
    ssid) = (excluded.access_point, excluded.heard_at, excluded.let_in, excluded.ip,
    excluded.user_name, excluded.accounting_session_id, excluded.audit_session_id,
    excluded.source_ip, excluded.nas_ip, excluded.nas_identifier, excluded.nas_port,
    excluded.called, excluded.ssid)
WHERE p.heard_at <= excluded.heard_at

-- name: places
SELECT * FROM device_at_access_point WHERE mac = ANY($1::macaddr[])

-- name: misplaced
SELECT p.* FROM device_at_access_point AS p
WHERE p.access_point = ANY($1) AND p.heard_at > $2 AND p.let_in <> EXISTS (
    SELECT FROM live_session AS s WHERE s.mac = p.mac AND s.due_at > $3)
