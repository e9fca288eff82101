-- Accounts of visits to access points. Rules: portal/domain/accounting.py.

-- name: known
SELECT *, xmin AS written_in FROM accounting_session WHERE name = ANY($1)

-- name: write
-- All that a batch says, in one question; null: somebody else has written meanwhile.
SELECT write_accounting($1, $2, $3, $4)

-- name: lock
-- Keeps out whoever else writes accounts of these access points. In the order given, which is that
-- of `write_accounting`: a collation may have another one (open_accounts takes them in that).
SELECT pg_advisory_xact_lock(hashtextextended('accounting ' || ap, 0)) FROM unnest($1::text[]) AS ap

-- name: lock_sessions
-- In the order in which whoever changes several of them locks them.
SELECT FROM live_session WHERE id = ANY($1) OR mac = ANY($2::text[]::macaddr[])
ORDER BY id FOR NO KEY UPDATE

-- name: restart
-- The access point knows nothing any more of what it began before.
UPDATE accounting_session
   SET ended_at = greatest(started_at, $4), closed_by = 'reboot', cause = 11
 WHERE access_point = $1 AND nas = $2 AND ended_at IS NULL AND started_at < $4
   AND (bss = $3 OR $3 = '\x'::bytea)

-- name: close_silent
WITH closed AS (
    UPDATE accounting_session AS a SET ended_at = a.told_at, closed_by = 'silence', cause = 2
    FROM unnest($1::text[], $2::timestamptz[]) AS t(access_point, silent_since)
    WHERE a.access_point = t.access_point AND a.ended_at IS NULL AND a.heard_at < t.silent_since
    RETURNING 1
)
SELECT count(*) FROM closed

-- name: heard
SELECT access_point, max(heard_at) AS heard_at FROM accounting_session
WHERE heard_at > $1 GROUP BY access_point

-- name: quiet
-- Sessions of these sites that no access point has told of since then, though one did before.
SELECT s.*, a.access_point FROM live_session AS s
CROSS JOIN LATERAL (
    SELECT access_point FROM accounting_session WHERE session_id = s.id
    ORDER BY heard_at DESC LIMIT 1) AS a
WHERE s.site_id = ANY($1) AND s.last_seen_at < $2
