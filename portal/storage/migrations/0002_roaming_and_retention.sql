-- A session at more than one site, and history that goes when it is due.

-- Sites, besides its own, where the session's device was let in: their gates hold it too.
CREATE TABLE session_elsewhere (
    session_id uuid NOT NULL REFERENCES live_session ON DELETE CASCADE,
    site_id    text NOT NULL,
    PRIMARY KEY (session_id, site_id)
);

-- Events are never changed, and deleted only by forget_events: it alone sets the moment before
-- which they are due, for its own transaction.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       AND OLD.at < nullif(current_setting('kvar.events_due_before', true), '')::timestamptz THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'events are never changed; they are deleted when they are due';
END $$;

-- At most so many rows, so that a statement stays short however much has piled up.
CREATE FUNCTION forget_events(_before timestamptz, _most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    _gone bigint;
BEGIN
    PERFORM set_config('kvar.events_due_before', _before::text, true);
    DELETE FROM event WHERE (at, id) IN (
        SELECT at, id FROM event WHERE at < _before ORDER BY at LIMIT _most);
    GET DIAGNOSTICS _gone = ROW_COUNT;
    RETURN _gone;
END $$;

-- By its end: a session that began in one week may have ended in the next.
CREATE FUNCTION forget_sessions(_before timestamptz, _most integer) RETURNS bigint LANGUAGE sql AS $$
    WITH gone AS (
        DELETE FROM past_session WHERE (started_at, id) IN (
            SELECT started_at, id FROM past_session
            WHERE started_at < _before AND ended_at < _before LIMIT _most)
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- Drop the weekly partitions (see make_weeks) of weeks that were over by then and hold nothing any
-- more. Return how many.
CREATE FUNCTION drop_empty_weeks(_before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    _table   text;
    _dropped bigint := 0;
    _is_used boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_weeks'));
    FOR _table IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent IN ('event'::regclass, 'past_session'::regclass)
           AND c.relname ~ '_[0-9]{4}w[0-9]{2}$'
           AND to_date(right(c.relname, 7), 'IYYY"w"IW') + 7 <= (_before AT TIME ZONE 'UTC')::date
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', _table) INTO _is_used;
        CONTINUE WHEN _is_used;
        EXECUTE format('DROP TABLE %I', _table);
        _dropped := _dropped + 1;
    END LOOP;
    RETURN _dropped;
END $$;
