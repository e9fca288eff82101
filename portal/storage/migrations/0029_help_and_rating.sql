-- The monthly report's figures of help, tutoring and what visitors thought.

-- How many of those online are under tutoring; 0 before anybody measured it.
ALTER TABLE online_sample ADD COLUMN tutored bigint NOT NULL DEFAULT 0;

-- Null: help was not counted that day.
ALTER TABLE day_figure ADD COLUMN tutored_minutes bigint;

-- What staff did for visitors, and faults that were reported, by whole days.
CREATE TABLE day_help (
    day     date NOT NULL,
    site_id text NOT NULL,
    what    text NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (day, site_id, what)
);

-- Answers to "was it easy?", by whole days. Nothing says whose an answer is.
CREATE TABLE day_rating (
    day     date NOT NULL,
    site_id text NOT NULL,
    answer  text NOT NULL CHECK (answer IN ('easy', 'hard')),
    count   bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (day, site_id, answer)
);

-- As in 0003; and when somebody is put out whom a tutor holds, which nothing but closing time, the
-- visitor and staff may do, that is an event of its own. It names no session, at any privacy level.
CREATE OR REPLACE FUNCTION record_end(_gone live_session, _reason text, _at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason, extensions,
                              trace_key, device_trace, subject_trace, upload_bytes, download_bytes)
    VALUES (_gone.id, _gone.ground, _gone.site_id, _gone.started_at,
            greatest(_at, _gone.started_at), _reason, _gone.extensions,
            _gone.trace_key, _gone.device_trace, _gone.subject_trace,
            _gone.upload_bytes, _gone.download_bytes);
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
    VALUES (_at, 'session_ended', _gone.site_id, _gone.id, _gone.trace_key, _gone.device_trace,
            jsonb_build_object('reason', _reason));
    IF _gone.protected_until > _at AND NOT _gone.succeeded
       AND _reason NOT IN ('logged_out', 'closing_time', 'revoked') THEN
        INSERT INTO event (at, kind, site_id, detail)
        VALUES (_at, 'tutoring_interrupted', _gone.site_id, jsonb_build_object('reason', _reason));
    END IF;
    PERFORM pg_notify('kvar_session', 'ended ' || _gone.site_id || ' ' || _gone.id);
END $$;
