-- Accounting in as few questions as it takes: each costs the asking process, the server and the
-- network as much as some ten records. Each statement of a function sees what was committed before
-- it began, so what was waited for is seen.

-- Whoever writes accounts of an access point holds its lock; several are taken in order.
CREATE FUNCTION open_accounts(_access_points text[], _names bytea[]) RETURNS SETOF accounting_session
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('accounting ' || ap, 0))
       FROM unnest(_access_points) AS ap ORDER BY ap;
    RETURN QUERY SELECT * FROM accounting_session WHERE name = ANY(_names);
END $$;

-- What a batch writes comes as two arrays of rows: one array a column, twenty-three of them, cost
-- the asking process a fifth more, and the server a scan each. A MAC address is text, because the
-- driver has no binary form for it.
CREATE TYPE account_told AS (
    name bytea, access_point text, nas bytea, bss bytea, site_id text, session_id uuid,
    started_at timestamptz, told_at timestamptz, heard_at timestamptz,
    upload_octets bigint, download_octets bigint, upload_before bigint, download_before bigint,
    duration interval, restarted_at timestamptz, ended_at timestamptz, closed_by text, cause integer
);
CREATE TYPE use_counted AS (
    mac text, named_id uuid, up bigint, down bigint, seen_at timestamptz
);

-- Writes accounts, and adds what was counted to the session that Class names, or to the device's own
-- that ran then. What belongs to a session that has ended is returned: looking for it costs even who
-- finds nothing, because history is in parts.
CREATE FUNCTION write_accounts(_accounts account_told[], _counted use_counted[])
RETURNS TABLE (ended_id uuid, ended_up numeric, ended_down numeric)
LANGUAGE plpgsql AS $$
BEGIN
    -- In the order in which whoever changes several of them locks them.
    PERFORM FROM live_session
      WHERE id = ANY(ARRAY(SELECT c.named_id FROM unnest(_counted) AS c))
         OR mac = ANY(ARRAY(SELECT c.mac::macaddr FROM unnest(_counted) AS c))
      ORDER BY id FOR NO KEY UPDATE;
    RETURN QUERY
    WITH written AS (
        INSERT INTO accounting_session AS a (name, access_point, nas, bss, site_id, session_id,
            started_at, told_at, heard_at, upload_octets, download_octets, upload_before,
            download_before, duration, restarted_at, ended_at, closed_by, cause)
        SELECT * FROM unnest(_accounts)
        ON CONFLICT (name) DO UPDATE SET (bss, session_id, started_at, told_at, heard_at,
            upload_octets, download_octets, upload_before, download_before, duration,
            restarted_at, ended_at, closed_by, cause) = (excluded.bss, excluded.session_id,
            excluded.started_at, excluded.told_at, excluded.heard_at, excluded.upload_octets,
            excluded.download_octets, excluded.upload_before, excluded.download_before,
            excluded.duration, excluded.restarted_at, excluded.ended_at, excluded.closed_by,
            excluded.cause)
    ), counted AS (
        SELECT c.*, coalesce(named.id, running.id) AS live_id
        FROM unnest(_counted) AS c
        LEFT JOIN live_session AS named ON named.id = c.named_id
        LEFT JOIN live_session AS running
               ON running.mac = c.mac::macaddr AND running.started_at <= c.seen_at
    ), live AS (
        UPDATE live_session AS s SET
            upload_bytes = grown(s.upload_bytes, n.up),
            download_bytes = grown(s.download_bytes, n.down),
            last_seen_at = greatest(s.last_seen_at, n.seen_at)
        FROM (SELECT c.live_id, sum(c.up) AS up, sum(c.down) AS down, max(c.seen_at) AS seen_at
              FROM counted AS c WHERE c.live_id IS NOT NULL GROUP BY c.live_id) AS n
        WHERE s.id = n.live_id
    )
    SELECT c.named_id, sum(c.up), sum(c.down) FROM counted AS c
    WHERE c.live_id IS NULL AND c.named_id IS NOT NULL AND c.up + c.down > 0 GROUP BY c.named_id;
END $$;

-- Half of each page is room for what is written in place: a visit's Interim and Stop then touch no
-- index but that of what is open. The index by end was no use: what is old is found by heard_at too.
ALTER TABLE accounting_session SET (fillfactor = 50);
DROP INDEX accounting_session_ended;
