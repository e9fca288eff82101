-- A batch of accounting in one question. Who writes remembers what it wrote last and says of each
-- account in which transaction that was; where somebody else has written since then, nothing is
-- written, and it reads anew. What 0024 has stays for programs that do not know this yet.

-- Times are microseconds since 1970, because the driver takes four times as long for a timestamp.
CREATE TYPE account_begun AS (
    name bytea, access_point text, nas bytea, bss bytea, site_id text, session_id uuid,
    started_us bigint, told_us bigint, heard_us bigint,
    upload_octets bigint, download_octets bigint, upload_before bigint, download_before bigint,
    duration_us bigint, restarted_us bigint, ended_us bigint, closed_by text, cause integer
);
CREATE TYPE account_changed AS (
    name bytea, written_in xid, bss bytea, session_id uuid,
    started_us bigint, told_us bigint, heard_us bigint,
    upload_octets bigint, download_octets bigint, upload_before bigint, download_before bigint,
    duration_us bigint, restarted_us bigint, ended_us bigint, closed_by text, cause integer
);
CREATE TYPE use_added AS (mac text, named_id uuid, up bigint, down bigint, seen_us bigint);

-- Exact for three hundred years. Not by adding an interval: that depends on the time zone, so that
-- the planner would call it a function each time instead of writing it out.
CREATE FUNCTION moment_of(_us bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(_us / 1000000.0::float8)
$$;

-- Writes accounts that are new and others that were last written in the transactions named, and adds
-- what was counted to the session that Class names, or to the device's own that ran then. Returns
-- the transaction; null: somebody has written meanwhile, and nothing is written.
-- Several may be at this at once, each in the order of names, then of sessions; whoever holds an
-- access point's lock for itself (open_accounts) keeps all of them out. All is found by keys: asked
-- for hundreds at once, the planner would rather read a whole table.
CREATE FUNCTION write_accounting(
    _access_points text[], _begun account_begun[], _changed account_changed[], _added use_added[]
) RETURNS xid LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    _written_in xid;
    _found bigint;
    _written bigint;
    _gone uuid[];
    _up bigint[];
    _down bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('accounting ' || ap, 0))
       FROM unnest(_access_points) AS ap;

    -- A part of the transaction, so that it can be taken back.
    BEGIN
        IF cardinality(_begun) > 0 THEN
            INSERT INTO accounting_session (name, access_point, nas, bss, site_id, session_id,
                started_at, told_at, heard_at, upload_octets, download_octets, upload_before,
                download_before, duration, restarted_at, ended_at, closed_by, cause)
            SELECT name, access_point, nas, bss, site_id, session_id, moment_of(started_us),
                moment_of(told_us), moment_of(heard_us), upload_octets, download_octets, upload_before,
                download_before, duration_us * interval '1 microsecond', moment_of(restarted_us),
                moment_of(ended_us), closed_by, cause
            FROM unnest(_begun) ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS _written = ROW_COUNT;
            IF _written < cardinality(_begun) THEN
                RAISE USING ERRCODE = 'KV001';
            END IF;
        END IF;

        IF cardinality(_changed) > 0 THEN
            UPDATE accounting_session AS a SET bss = c.bss, session_id = c.session_id,
                started_at = moment_of(c.started_us), told_at = moment_of(c.told_us),
                heard_at = moment_of(c.heard_us), upload_octets = c.upload_octets,
                download_octets = c.download_octets, upload_before = c.upload_before,
                download_before = c.download_before,
                duration = c.duration_us * interval '1 microsecond',
                restarted_at = moment_of(c.restarted_us), ended_at = moment_of(c.ended_us),
                closed_by = c.closed_by, cause = c.cause
            FROM unnest(_changed) AS c WHERE a.name = c.name AND a.xmin = c.written_in;
            GET DIAGNOSTICS _written = ROW_COUNT;
            IF _written < cardinality(_changed) THEN
                RAISE USING ERRCODE = 'KV001';
            END IF;
        END IF;

        WITH counted AS MATERIALIZED (
            SELECT c.*, coalesce(named.id, running.id) AS live_id
            FROM unnest(_added) AS c
            LEFT JOIN live_session AS named ON named.id = c.named_id
            LEFT JOIN live_session AS running
                   ON running.mac = CASE WHEN named.id IS NULL THEN c.mac::macaddr END
                  AND running.started_at <= moment_of(c.seen_us)
        ), live AS (
            UPDATE live_session AS s SET
                upload_bytes = grown(s.upload_bytes, n.up),
                download_bytes = grown(s.download_bytes, n.down),
                last_seen_at = greatest(s.last_seen_at, moment_of(n.seen_us))
            FROM (SELECT c.live_id, sum(c.up) AS up, sum(c.down) AS down, max(c.seen_us) AS seen_us
                  FROM counted AS c WHERE c.live_id IS NOT NULL
                  GROUP BY c.live_id ORDER BY c.live_id) AS n
            WHERE s.id = n.live_id
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM live), count(DISTINCT c.live_id), array_agg(c.named_id)
               FILTER (WHERE c.is_gone), array_agg(c.up) FILTER (WHERE c.is_gone),
               array_agg(c.down) FILTER (WHERE c.is_gone)
          INTO _written, _found, _gone, _up, _down
          FROM (SELECT *, live_id IS NULL AND named_id IS NOT NULL AND up + down > 0 AS is_gone
                FROM counted) AS c;
        IF _written < _found THEN
            RAISE USING ERRCODE = 'KV001';
        END IF;

        IF _gone IS NOT NULL THEN
            -- Apart, because looking for it costs even who finds nothing: history is in parts.
            UPDATE past_session AS s SET upload_bytes = grown(s.upload_bytes, n.up),
                   download_bytes = grown(s.download_bytes, n.down)
            FROM (SELECT g.id, sum(g.up) AS up, sum(g.down) AS down
                  FROM unnest(_gone, _up, _down) AS g(id, up, down) GROUP BY g.id ORDER BY g.id) AS n
            WHERE s.id = n.id AND s.started_at >= began_at(n.id)
              AND s.started_at < began_at(n.id) + interval '1 millisecond';
        END IF;
    EXCEPTION WHEN SQLSTATE 'KV001' THEN
        RETURN NULL;
    END;
    SELECT xmin INTO _written_in FROM accounting_session
     WHERE name = coalesce((_begun[1]).name, (_changed[1]).name);
    RETURN _written_in;
END $$;
