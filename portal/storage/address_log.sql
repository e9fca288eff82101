-- Which ports and addresses devices had, at sites of the highest privacy level. A visit that began
-- before its site had that level has no device's name, and gets no address either.

-- name: note_ports
INSERT INTO port_block AS b (session_id, site_id, public_addresses, low, high, since, seen_at)
SELECT s.id, s.site_id, $5::inet[], told.low, told.high, greatest(coalesce(told.since, $6::timestamptz), s.started_at), $6
  FROM unnest($1::macaddr[], $2::integer[], $3::integer[], $4::timestamptz[])
    AS told (mac, low, high, since)
  JOIN live_session AS s ON s.mac = told.mac
 WHERE privacy_of(s.site_id) = 3 AND s.trace_key NOT IN ('none', 'visit')
    ON CONFLICT (session_id, low) DO UPDATE SET seen_at = excluded.seen_at
 WHERE b.seen_at < excluded.seen_at - interval '1 minute'

-- name: note_addresses
-- A minute back: an address is older than the first look that finds it.
INSERT INTO guest_address AS a (session_id, site_id, address, since, seen_at)
SELECT s.id, s.site_id, told.address, greatest($3::timestamptz - interval '1 minute', s.started_at), $3
  FROM unnest($1::macaddr[], $2::inet[]) AS told (mac, address)
  JOIN live_session AS s ON s.mac = told.mac
 WHERE privacy_of(s.site_id) = 3 AND s.trace_key NOT IN ('none', 'visit')
    ON CONFLICT (session_id, address) DO UPDATE SET seen_at = excluded.seen_at
 WHERE a.seen_at < excluded.seen_at - interval '1 minute'

-- name: had
-- Whose session had it at any moment in between. The kernel's own end comes two seconds after ours.
SELECT had.session_id, had.is_known, coalesce(l.started_at, p.started_at) AS started_at
  FROM (
    SELECT session_id, since, $1::inet = ANY(public_addresses) AS is_known FROM port_block
     WHERE low <= $2::integer AND high >= $2::integer AND since <= $4::timestamptz AND since >= $5::timestamptz
       AND (public_addresses = '{}' OR $1::inet = ANY(public_addresses))
     UNION ALL
    SELECT session_id, since, true FROM guest_address
     WHERE address = $1::inet AND since <= $4::timestamptz AND since >= $5::timestamptz
  ) AS had
  LEFT JOIN live_session AS l ON l.id = had.session_id
  LEFT JOIN past_session AS p ON l.id IS NULL AND p.id = had.session_id
       AND p.started_at BETWEEN began_at(had.session_id) - interval '1 second'
                            AND began_at(had.session_id) + interval '1 second'
 WHERE l.id IS NOT NULL OR p.ended_at >= $3::timestamptz - interval '2 seconds'
 ORDER BY had.since, had.session_id LIMIT $6
