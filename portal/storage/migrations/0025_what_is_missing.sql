-- Whether the log can be whole from a moment on: an answer that counts who was connected must know.

ALTER TABLE site_privacy
    ADD COLUMN visits_since timestamptz;   -- since when all visits are written down; null: always

-- Set a site's level. Sessions that run lose at once what a lower level does not allow.
CREATE OR REPLACE FUNCTION set_privacy(_site_id text, _level smallint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    _before smallint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('site_privacy'));
    _before := privacy_of(_site_id);
    INSERT INTO site_privacy AS p (site_id, level, lowered)
    VALUES (_site_id, _level, _level < _before)
    ON CONFLICT (site_id) DO UPDATE
       SET level = excluded.level, lowered = p.lowered OR excluded.lowered,
           -- A visit that began without history leaves none, and lasts nine days at most.
           visits_since = CASE p.level WHEN 0 THEN now() + interval '9 days' ELSE p.visits_since END
     WHERE p.level <> excluded.level;
    IF _level < 2 AND _level < _before THEN
        UPDATE live_session SET trace_key = CASE _level WHEN 0 THEN 'none' ELSE 'visit' END
         WHERE site_id = _site_id;
    END IF;
END $$;

-- A session that began while its site's level was being lowered was not among those that lost their
-- names: history takes them from it.
CREATE OR REPLACE FUNCTION keep_visit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _level smallint := privacy_of(NEW.site_id);
BEGIN
    IF NEW.trace_key = 'none' OR _level = 0 THEN
        RETURN NULL;
    END IF;
    IF _level = 1 THEN
        NEW.trace_key := 'visit';
        NEW.device_trace := visit_name(NEW.id);
        NEW.subject_trace := NULL;
    END IF;
    RETURN NEW;
END $$;
