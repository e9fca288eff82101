-- At which access point a session was let in: written once when it starts, and looked at again when
-- it ends. Nothing of it is written with accounts. What a site of level 0 writes down has none.

ALTER TABLE live_session
    ADD COLUMN access_point text,                -- the RADIUS client; null: none, or not known
    ADD COLUMN nas          bytea;               -- NAS-Identifier, or its address
ALTER TABLE past_session
    ADD COLUMN access_point text,
    ADD COLUMN nas          bytea;
CREATE INDEX past_session_access_point ON past_session (access_point, started_at, id)
    WHERE access_point IS NOT NULL;
CREATE INDEX past_session_nas ON past_session (access_point, nas, started_at, id)
    WHERE access_point IS NOT NULL;

-- As in 0020; and where the device was heard of just before, which is where it is let in.
CREATE OR REPLACE FUNCTION settle_names() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _level smallint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        _level := privacy_of(NEW.site_id);
        -- Its ticket goes by the device's name of the week, which this row may not have.
        DELETE FROM returning_device WHERE device = NEW.device_trace;
        IF _level < 2 THEN
            NEW.trace_key := CASE _level WHEN 0 THEN 'none' ELSE 'visit' END;
        END IF;
        SELECT access_point, nas INTO NEW.access_point, NEW.nas FROM device_at_access_point
         WHERE mac = NEW.mac AND heard_at > NEW.started_at - interval '1 hour'
         ORDER BY heard_at DESC LIMIT 1;
    ELSIF OLD.trace_key IN ('none', 'visit') THEN
        NEW.trace_key := CASE WHEN NEW.trace_key = 'none' THEN 'none' ELSE OLD.trace_key END;
    END IF;
    IF NEW.trace_key IN ('none', 'visit') THEN
        NEW.device_trace := visit_name(NEW.id);
        NEW.subject_trace := NULL;
    END IF;
    IF NEW.trace_key = 'none' THEN
        NEW.access_point := NULL;
        NEW.nas := NULL;
    END IF;
    RETURN NEW;
END $$;

-- As in 0029, with its access point: the first that counted this very session; or else what was known
-- when it began; or else where the device was heard of first since then (it was let in by the process
-- that answers access points, which writes down where it is a moment later).
CREATE OR REPLACE FUNCTION record_end(_gone live_session, _reason text, _at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _access_point text;
    _nas          bytea;
BEGIN
    IF _gone.trace_key <> 'none' THEN
        SELECT access_point, nas INTO _access_point, _nas FROM accounting_session
         WHERE session_id = _gone.id ORDER BY started_at LIMIT 1;
        IF NOT FOUND THEN
            _access_point := _gone.access_point;
            _nas := _gone.nas;
        END IF;
        IF _access_point IS NULL THEN
            SELECT access_point, nas INTO _access_point, _nas FROM device_at_access_point
             WHERE mac = _gone.mac AND heard_at >= _gone.started_at ORDER BY heard_at LIMIT 1;
        END IF;
    END IF;
    INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason, extensions,
                              trace_key, device_trace, subject_trace, upload_bytes, download_bytes,
                              access_point, nas)
    VALUES (_gone.id, _gone.ground, _gone.site_id, _gone.started_at,
            greatest(_at, _gone.started_at), _reason, _gone.extensions,
            _gone.trace_key, _gone.device_trace, _gone.subject_trace,
            _gone.upload_bytes, _gone.download_bytes, _access_point, _nas);
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
