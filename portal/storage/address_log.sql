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
-- A session that got other ports later (the gateway began anew, its device took another address) had
-- the first ones no longer than until then. is_throughout: from the beginning to the end of the time.
SELECT had.session_id, had.is_known, coalesce(l.started_at, p.started_at) AS started_at,
       had.since <= $3::timestamptz
       AND coalesce(had.superseded, p.ended_at, 'infinity') >= $4::timestamptz AS is_throughout
  FROM (
    SELECT b.session_id, b.since, $1::inet = ANY(b.public_addresses) AS is_known,
           CASE WHEN EXISTS (SELECT FROM port_block AS n
                              WHERE n.session_id = b.session_id AND n.since > b.seen_at)
                THEN b.seen_at END AS superseded
      FROM port_block AS b
     WHERE low <= $2::integer AND high >= $2::integer AND since <= $4::timestamptz AND since >= $5::timestamptz
       AND (public_addresses = '{}' OR $1::inet = ANY(public_addresses))
     UNION ALL
    SELECT session_id, since, true, NULL FROM guest_address
     WHERE address = $1::inet AND since <= $4::timestamptz AND since >= $5::timestamptz
  ) AS had
  LEFT JOIN live_session AS l ON l.id = had.session_id
  LEFT JOIN past_session AS p ON l.id IS NULL AND p.id = had.session_id
       AND p.started_at BETWEEN began_at(had.session_id) - interval '1 second'
                            AND began_at(had.session_id) + interval '1 second'
 WHERE (l.id IS NOT NULL OR p.ended_at >= $3::timestamptz - interval '2 seconds')
       -- What was seen is written once a minute or so.
   AND (had.superseded IS NULL OR had.superseded >= $3::timestamptz - interval '2 minutes')
 ORDER BY had.since, had.session_id LIMIT $6

-- name: holders
-- Whose session is noted to have had the address in that time. What was seen is written once a minute.
SELECT a.session_id, coalesce(l.started_at, p.started_at) AS started_at
  FROM guest_address AS a
  LEFT JOIN live_session AS l ON l.id = a.session_id
  LEFT JOIN past_session AS p ON l.id IS NULL AND p.id = a.session_id
       AND p.started_at BETWEEN began_at(a.session_id) - interval '1 second'
                            AND began_at(a.session_id) + interval '1 second'
 WHERE a.address = $1::inet AND a.since < $3 AND a.seen_at >= $2::timestamptz - interval '1 minute'
   AND coalesce(l.id, p.id) IS NOT NULL
 ORDER BY a.since DESC, a.session_id LIMIT $4

-- name: is_whole
SELECT NOT EXISTS (SELECT FROM site_privacy WHERE level = 0 OR visits_since > $1)
   AND NOT EXISTS (SELECT FROM audit WHERE at >= $1 AND act = 'erase' AND found > 0) AS is_whole
