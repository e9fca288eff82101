-- What lets a visit go on: counters, tutoring, devices that come back, and one entry per event.

-- Bytes as the gate counts them, both families; an upload comes from the device.
ALTER TABLE live_session
    ADD COLUMN upload_bytes   bigint NOT NULL DEFAULT 0,
    ADD COLUMN download_bytes bigint NOT NULL DEFAULT 0,
    -- Its owner goes on under another address: it stays admitted, and takes no device place.
    ADD COLUMN succeeded      boolean NOT NULL DEFAULT false,
    -- The device number on the tutor's tile while tutoring lasts.
    ADD COLUMN tutored_as     integer,
    ADD COLUMN group_id       uuid;
CREATE UNIQUE INDEX live_session_tutored ON live_session (site_id, tutored_as);
ALTER TABLE live_session SET (fillfactor = 70);  -- counters are written twice a minute, in place

ALTER TABLE past_session
    ADD COLUMN upload_bytes   bigint NOT NULL DEFAULT 0,
    ADD COLUMN download_bytes bigint NOT NULL DEFAULT 0;

-- Devices that their owners asked us to remember. Hashes are under the live key of one year.
CREATE TABLE remembered_device (
    device        bytea PRIMARY KEY CHECK (octet_length(device) = 32),
    subject       bytea NOT NULL CHECK (octet_length(subject) = 32),
    id            uuid NOT NULL UNIQUE,         -- what forms name it by
    label         text NOT NULL,                -- "iPhone"; never typed by anybody
    added_at      timestamptz NOT NULL,
    last_visit_at timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL
);
CREATE INDEX remembered_device_subject ON remembered_device (subject);
CREATE INDEX remembered_device_expires ON remembered_device (expires_at);

-- A device whose session ended without its owner's wish may take the visit up again until then.
CREATE TABLE returning_device (
    device       bytea PRIMARY KEY CHECK (octet_length(device) = 32),
    ground       text NOT NULL,
    subject      bytea CHECK (octet_length(subject) = 32),
    until        timestamptz NOT NULL,
    silently     boolean NOT NULL               -- false: by a press on "continue"
);
CREATE INDEX returning_device_until ON returning_device (until);

-- Group tutoring: a room code lets so many devices in, at one site, for a while.
CREATE TABLE tutoring_group (
    id           uuid PRIMARY KEY,
    site_id      text NOT NULL,
    code         bytea NOT NULL CHECK (octet_length(code) = 32),  -- keyed hash of the room code
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    most_devices integer NOT NULL CHECK (most_devices > 0),
    ended_at     timestamptz
);
CREATE UNIQUE INDEX tutoring_group_code ON tutoring_group (site_id, code) WHERE ended_at IS NULL;
ALTER TABLE live_session ADD CONSTRAINT live_session_group
    FOREIGN KEY (group_id) REFERENCES tutoring_group;

-- Devices that were let in while their owners' cards could not be checked: once a day each. Hashes
-- are under the live key of one year.
CREATE TABLE courtesy (
    device   bytea PRIMARY KEY CHECK (octet_length(device) = 32),
    given_at timestamptz NOT NULL
);

-- The card behind a courtesy session was checked: the session becomes the card's, in one
-- transaction. "what" is replaced (that device is out) or confirmed; no row at all when the session
-- has ended. Locks as in start_session.
CREATE FUNCTION confirm_courtesy(_id uuid, _mac macaddr, _subject bytea, _subject_trace bytea,
                                 _ends_at timestamptz, _ends_because text, _most_devices integer,
                                 _attempt bigint, _device bytea, _now timestamptz)
RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _locks     bigint[] := ARRAY[hashtextextended(_mac::text, 0), lock_of(_subject)];
    _lock      bigint;
    _gone      live_session;
    _confirmed live_session;
    _surplus   bigint;
BEGIN
    FOR _lock IN SELECT l FROM unnest(_locks) AS l ORDER BY l LOOP
        PERFORM pg_advisory_xact_lock(_lock);
    END LOOP;
    PERFORM FROM live_session WHERE mac = _mac OR subject = _subject ORDER BY id FOR UPDATE;

    UPDATE sign_in_attempt SET outcome = 'ok' WHERE id = _attempt;
    INSERT INTO known_device (card, device, last_used_at) VALUES (_subject, _device, _now)
    ON CONFLICT (card, device) DO UPDATE SET last_used_at = excluded.last_used_at;
    IF NOT EXISTS (SELECT FROM live_session WHERE id = _id AND ground = 'courtesy') THEN
        RETURN;
    END IF;

    SELECT count(*) - (_most_devices - 1) INTO _surplus
      FROM live_session WHERE subject = _subject AND NOT succeeded;
    FOR _gone IN
        DELETE FROM live_session AS s WHERE s.id IN (
            SELECT id FROM live_session
             WHERE subject = _subject AND NOT succeeded
               AND (protected_until > _now) IS NOT TRUE
             ORDER BY last_seen_at, id LIMIT greatest(_surplus, 0))
        RETURNING s.*
    LOOP
        PERFORM record_end(_gone, 'replaced', _now);
        RETURN QUERY SELECT 'replaced', _gone;
    END LOOP;

    UPDATE live_session AS s
       SET ground = 'card', subject = _subject, subject_trace = _subject_trace,
           ends_at = _ends_at, ends_because = _ends_because
     WHERE s.id = _id RETURNING s.* INTO STRICT _confirmed;
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace)
    VALUES (_now, 'courtesy_confirmed', _confirmed.site_id, _id, _confirmed.trace_key,
            _confirmed.device_trace);
    PERFORM pg_notify('kvar_session', 'extended ' || _confirmed.site_id || ' ' || _id);
    RETURN QUERY SELECT 'confirmed', _confirmed;
END $$;

-- Events that waited on disk while the database was away are written once, however often they come.
ALTER TABLE event ADD COLUMN origin uuid;
CREATE UNIQUE INDEX event_origin ON event (at, origin);

-- What ended, with its counters.
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
    PERFORM pg_notify('kvar_session', 'ended ' || _gone.site_id || ' ' || _gone.id);
END $$;
