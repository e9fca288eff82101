-- What lets a visit go on: counters, tutoring, devices that come back, and one entry per event.

-- Bytes as the gate counts them, both families; an upload comes from the device.
ALTER TABLE live_session
    ADD COLUMN upload_bytes   bigint NOT NULL DEFAULT 0,
    ADD COLUMN download_bytes bigint NOT NULL DEFAULT 0,
    -- What the gate's counters of the device showed when these were last written.
    ADD COLUMN upload_reading   bigint,
    ADD COLUMN download_reading bigint,
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
    named_at      timestamptz NOT NULL,         -- the subject is under the key of this year
    last_visit_at timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    paused_until  timestamptz                   -- its owner logged out
);
CREATE INDEX remembered_device_subject ON remembered_device (subject);
CREATE INDEX remembered_device_expires ON remembered_device (expires_at);

-- A device whose session ended without its owner's wish may take the visit up again until then.
-- Its name is the one in the week's history (device_trace): the ticket is for the same day.
CREATE TABLE returning_device (
    device       bytea PRIMARY KEY CHECK (octet_length(device) = 32),
    ground       text NOT NULL,
    subject      bytea CHECK (octet_length(subject) = 32),
    until        timestamptz NOT NULL,
    silently     boolean NOT NULL               -- false: by a press on "continue"
);
CREATE INDEX returning_device_until ON returning_device (until);

-- Whoever comes in on whatever ground needs the ticket no more: it must not outlive that session.
CREATE FUNCTION drop_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM returning_device WHERE device = NEW.device_trace;
    RETURN NULL;
END $$;
CREATE TRIGGER live_session_drops_ticket AFTER INSERT ON live_session
    FOR EACH ROW EXECUTE FUNCTION drop_ticket();

-- Take locks of this transaction, the lowest first, so that no two wait for each other.
CREATE FUNCTION lock_in_order(_locks bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _lock bigint;
BEGIN
    FOR _lock IN SELECT l FROM unnest(_locks) AS l WHERE l IS NOT NULL ORDER BY l LOOP
        PERFORM pg_advisory_xact_lock(_lock);
    END LOOP;
END $$;

-- Start the session of a device that comes back, if what lets it back in still stands: a ticket
-- (_name null) or the memory of it. Of two that ask at once one gets what the other started. No
-- row: not any more, or by itself (_pressed false) it would take another device's place.
CREATE FUNCTION return_session(_new live_session, _most_devices integer, _pressed boolean,
                               _old_name bytea, _name bytea, _expires_at timestamptz)
RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _now     timestamptz := _new.started_at;
    _locks   bigint[] := ARRAY[hashtextextended(_new.mac::text, 0), lock_of(_new.subject)];
    _running live_session;
    _others  bigint;
BEGIN
    PERFORM lock_in_order(_locks);
    SELECT s.* INTO _running FROM live_session AS s WHERE s.mac = _new.mac AND s.due_at > _now;
    IF FOUND THEN
        RETURN QUERY SELECT 'running', _running;
        RETURN;
    END IF;
    SELECT count(*) INTO _others FROM live_session AS s
     WHERE s.subject = _new.subject AND NOT s.succeeded AND s.due_at > _now;
    IF _others >= _most_devices AND NOT _pressed THEN
        RETURN;
    END IF;
    IF _name IS NULL THEN
        PERFORM FROM returning_device AS r
         WHERE r.device = _new.device_trace AND r.until > _now AND (r.silently OR _pressed)
           AND r.subject IS NOT DISTINCT FROM _new.subject
           FOR UPDATE;
    ELSE
        UPDATE remembered_device AS r
           SET device = _name, last_visit_at = greatest(r.last_visit_at, _now),
               expires_at = _expires_at, paused_until = NULL
         WHERE r.device = _old_name AND r.subject = _new.subject AND r.expires_at > _now
           AND (r.paused_until > _now) IS NOT TRUE;
    END IF;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM start_session(_new, _most_devices, NULL, NULL);
END $$;

-- The card is no longer good: its devices are forgotten, and those that came back by themselves
-- are out, but for one under tutoring.
CREATE FUNCTION forget_card(_subjects bytea[], _now timestamptz)
RETURNS SETOF macaddr LANGUAGE plpgsql AS $$
DECLARE
    _gone live_session;
BEGIN
    DELETE FROM remembered_device WHERE subject = ANY(_subjects);
    DELETE FROM returning_device WHERE subject = ANY(_subjects);
    FOR _gone IN
        DELETE FROM live_session AS s
         WHERE s.subject = ANY(_subjects) AND s.ground = 'remembered'
           AND (s.protected_until > _now) IS NOT TRUE
        RETURNING s.*
    LOOP
        PERFORM record_end(_gone, 'revoked', _now);
        RETURN NEXT _gone.mac;
    END LOOP;
END $$;

-- Group tutoring: a room code lets so many devices in, at one site, for a while.
CREATE TABLE tutoring_group (
    id           uuid PRIMARY KEY,
    site_id      text NOT NULL,
    number       integer NOT NULL CHECK (number > 0),  -- what the tutor calls it
    code         bytea NOT NULL CHECK (octet_length(code) = 32),  -- keyed hash of the room code
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    most_devices integer NOT NULL CHECK (most_devices > 0),
    ended_at     timestamptz
);
CREATE UNIQUE INDEX tutoring_group_code ON tutoring_group (site_id, code) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX tutoring_group_number ON tutoring_group (site_id, number)
    WHERE ended_at IS NULL;
ALTER TABLE live_session ADD CONSTRAINT live_session_group
    FOREIGN KEY (group_id) REFERENCES tutoring_group;
CREATE INDEX live_session_members ON live_session (group_id) WHERE group_id IS NOT NULL;

-- Codes typed that nobody has: guesses. At most some hundreds an hour (see try_code).
CREATE TABLE code_attempt (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    device  bytea NOT NULL CHECK (octet_length(device) = 32),
    site_id text NOT NULL
);
CREATE INDEX code_attempt_at ON code_attempt (at);

-- Start a group under the lowest number that is free. No row: a live group has this code already.
CREATE FUNCTION start_group(_new tutoring_group, _by text) RETURNS SETOF tutoring_group
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tutoring_group ' || _new.site_id, 0));
    SELECT min(n) INTO _new.number FROM generate_series(1, 10000) AS n WHERE NOT EXISTS (
        SELECT FROM tutoring_group AS g
         WHERE g.site_id = _new.site_id AND g.ended_at IS NULL AND g.number = n);
    INSERT INTO tutoring_group VALUES (_new.*) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO event (at, kind, site_id, detail)
        VALUES (_new.starts_at, 'group_started', _new.site_id, jsonb_build_object(
            'group', _new.number, 'devices', _new.most_devices, 'by', _by));
        RETURN NEXT _new;
    END IF;
END $$;

-- Say whose code this is, or count it as a guess. One at a time in the whole installation, so that
-- guesses made in parallel cannot exceed a limit; it takes well under a millisecond. "what" is
-- waits (this device, until then), busy (codes cannot be typed here now), unknown or known.
CREATE FUNCTION try_code(
    _code bytea, _device bytea, _site_id text, _now timestamptz,
    _per_device integer, _device_window interval,
    _per_site integer, _everywhere integer, _window interval, _alarm_at integer
) RETURNS TABLE (what text, until timestamptz, known tutoring_group) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _soon    timestamptz := _now + interval '1 minute';  -- other nodes' clocks may be ahead
    _oldest  timestamptz;
    _here    bigint;
    _all     bigint;
    _group   tutoring_group;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);  -- promised to nobody
    PERFORM pg_advisory_xact_lock(hashtext('try_code'));
    SELECT a.at INTO _oldest FROM code_attempt AS a
     WHERE a.device = _device AND a.at > _now - _device_window AND a.at <= _soon
     ORDER BY a.at DESC OFFSET _per_device - 1 LIMIT 1;
    IF FOUND THEN
        RETURN QUERY SELECT 'waits', least(_oldest, _now) + _device_window, NULL::tutoring_group;
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE a.site_id = _site_id), count(*) INTO _here, _all
      FROM code_attempt AS a WHERE a.at > _now - _window AND a.at <= _soon;
    IF _here >= _per_site OR _all >= _everywhere THEN
        RETURN QUERY SELECT 'busy', NULL::timestamptz, NULL::tutoring_group;
        RETURN;
    END IF;
    SELECT g.* INTO _group FROM tutoring_group AS g WHERE g.site_id = _site_id AND g.code = _code
     ORDER BY g.ended_at IS NULL DESC, g.ends_at DESC LIMIT 1;
    IF FOUND THEN
        RETURN QUERY SELECT 'known', NULL::timestamptz, _group;
        RETURN;
    END IF;
    INSERT INTO code_attempt (at, device, site_id) VALUES (_now, _device, _site_id);
    IF _here + 1 >= _alarm_at AND NOT EXISTS (
        SELECT FROM event AS e WHERE e.at > _now - _window AND e.at <= _soon
           AND e.kind = 'many_wrong_codes' AND e.site_id = _site_id) THEN
        INSERT INTO event (at, kind, site_id) VALUES (_now, 'many_wrong_codes', _site_id);
    END IF;
    RETURN QUERY SELECT 'unknown', NULL::timestamptz, NULL::tutoring_group;
END $$;

-- Let a device join: under the group's lock its devices are counted, so that no more than
-- most_devices are ever in. A session that runs stays as it is, and is protected. "what" is over,
-- full, started or running. Who goes on under another address, or has ended, holds no place.
CREATE FUNCTION join_group(_group_id uuid, _new live_session)
RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _now     timestamptz := _new.started_at;
    _group   tutoring_group;
    _others  bigint;
    _what    text;
    _joined  live_session;
BEGIN
    SELECT g.* INTO _group FROM tutoring_group AS g
     WHERE g.id = _group_id AND g.ended_at IS NULL AND g.ends_at > _now FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'over', NULL::live_session;
        RETURN;
    END IF;
    SELECT count(*) INTO _others FROM live_session AS s
     WHERE s.group_id = _group_id AND s.mac <> _new.mac AND NOT s.succeeded AND s.due_at > _now;
    IF _others >= _group.most_devices THEN
        RETURN QUERY SELECT 'full', NULL::live_session;
        RETURN;
    END IF;
    SELECT started.what, (started.session).id INTO STRICT _what, _joined.id
      FROM start_session(_new, 1, NULL, NULL) AS started;
    UPDATE live_session AS s SET group_id = _group_id, succeeded = false,
           protected_until = greatest(s.protected_until, _group.ends_at)
     WHERE s.id = _joined.id RETURNING s.* INTO STRICT _joined;
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
    VALUES (_now, 'group_joined', _group.site_id, _joined.id, _joined.trace_key,
            _joined.device_trace, jsonb_build_object('group', _group.number));
    PERFORM pg_notify('kvar_session', 'extended ' || _joined.site_id || ' ' || _joined.id);
    RETURN QUERY SELECT _what, _joined;
END $$;

-- Prolong a group's window and the protection of its devices, which are returned.
CREATE FUNCTION extend_group(_id uuid, _until timestamptz, _now timestamptz, _by text)
RETURNS TABLE (what text, is_longer tutoring_group, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _group tutoring_group;
    _member live_session;
BEGIN
    UPDATE tutoring_group AS g SET ends_at = greatest(g.ends_at, _until)
     WHERE g.id = _id AND g.ended_at IS NULL RETURNING g.* INTO _group;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO event (at, kind, site_id, detail) VALUES (_now, 'group_extended', _group.site_id,
        jsonb_build_object('group', _group.number, 'by', _by));
    RETURN QUERY SELECT 'group', _group, NULL::live_session;
    FOR _member IN
        UPDATE live_session AS s SET protected_until = greatest(s.protected_until, _group.ends_at)
         WHERE s.group_id = _id RETURNING s.*
    LOOP
        PERFORM pg_notify('kvar_session', 'extended ' || _member.site_id || ' ' || _member.id);
        RETURN QUERY SELECT 'member', _group, _member;
    END LOOP;
END $$;

-- End a group. Its devices stay online as ordinary guests, each until the end that is told for its
-- session; one that a tutor holds by its own number stays protected.
CREATE FUNCTION end_group(
    _id uuid, _sessions uuid[], _ends_at timestamptz[], _ends_because text[],
    _now timestamptz, _by text
) RETURNS TABLE (what text, ended tutoring_group, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _group tutoring_group;
    _member live_session;
BEGIN
    UPDATE tutoring_group AS g SET ended_at = greatest(_now, g.starts_at)
     WHERE g.id = _id AND g.ended_at IS NULL RETURNING g.* INTO _group;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO event (at, kind, site_id, detail) VALUES (_now, 'group_ended', _group.site_id,
        jsonb_build_object('group', _group.number, 'by', _by));
    RETURN QUERY SELECT 'group', _group, NULL::live_session;
    UPDATE live_session AS s SET ends_at = told.ends_at, ends_because = told.ends_because
      FROM unnest(_sessions, _ends_at, _ends_because) AS told (id, ends_at, ends_because)
     WHERE s.id = told.id AND s.group_id = _id AND s.tutored_as IS NULL;
    FOR _member IN
        UPDATE live_session AS s SET group_id = NULL, protected_until =
               CASE WHEN s.tutored_as IS NULL THEN NULL ELSE s.protected_until END
         WHERE s.group_id = _id RETURNING s.*
    LOOP
        INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
        VALUES (_now, 'group_left', _member.site_id, _member.id, _member.trace_key,
                _member.device_trace, jsonb_build_object('group', _group.number));
        PERFORM pg_notify('kvar_session', 'extended ' || _member.site_id || ' ' || _member.id);
        RETURN QUERY SELECT 'member', _group, _member;
    END LOOP;
END $$;

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
    _gone      live_session;
    _confirmed live_session;
    _surplus   bigint;
BEGIN
    PERFORM lock_in_order(_locks);
    PERFORM FROM live_session WHERE mac = _mac OR subject = _subject ORDER BY id FOR UPDATE;

    UPDATE sign_in_attempt SET outcome = 'ok' WHERE id = _attempt;
    INSERT INTO known_device (card, device, last_used_at) VALUES (_subject, _device, _now)
    ON CONFLICT (card, device) DO UPDATE SET last_used_at = excluded.last_used_at;
    IF NOT EXISTS (SELECT FROM live_session WHERE id = _id AND ground = 'courtesy') THEN
        RETURN;
    END IF;

    SELECT count(*) - (_most_devices - 1) INTO _surplus
      FROM live_session WHERE subject = _subject AND NOT succeeded AND due_at > _now;
    FOR _gone IN
        DELETE FROM live_session AS s WHERE s.id IN (
            SELECT id FROM live_session
             WHERE subject = _subject AND NOT succeeded AND due_at > _now
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

-- Write a courtesy session that began while the database was away; once, however often it comes. A
-- session that the device has already stays.
CREATE FUNCTION replay_courtesy(_new live_session, _device bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO courtesy AS c (device, given_at) VALUES (_device, _new.started_at)
    ON CONFLICT (device) DO UPDATE SET given_at = greatest(c.given_at, excluded.given_at);
    IF NOT EXISTS (SELECT FROM past_session WHERE id = _new.id AND started_at = _new.started_at) THEN
        PERFORM start_session(_new, 1, NULL, NULL);
    END IF;
END $$;

-- Move a tutoring from one address of a visitor to another: number, group and protection. The new
-- session keeps its own number where the old one's is not free at its site (it began elsewhere).
-- First the old one is returned, then the new one; nothing when there is nothing to move any more.
CREATE FUNCTION carry_over_tutoring(
    _old_id uuid, _ends_at timestamptz, _ends_because text, _new_id uuid, _until timestamptz,
    _now timestamptz, _device_number integer, _by text
) RETURNS SETOF live_session LANGUAGE plpgsql AS $$
DECLARE
    _old live_session;
    _new live_session;
BEGIN
    PERFORM FROM live_session WHERE id IN (_old_id, _new_id) ORDER BY id FOR UPDATE;
    SELECT * INTO _old FROM live_session WHERE id = _old_id AND tutored_as IS NOT NULL;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM live_session WHERE id = _new_id) THEN
        RETURN;
    END IF;
    RETURN QUERY UPDATE live_session SET tutored_as = NULL, group_id = NULL, succeeded = true,
        protected_until = NULL, ends_at = _ends_at, ends_because = _ends_because
     WHERE id = _old_id RETURNING *;
    UPDATE live_session AS s SET succeeded = false,
        protected_until = greatest(s.protected_until, _until),
        group_id = coalesce(_old.group_id, s.group_id),
        tutored_as = CASE WHEN EXISTS (
            SELECT FROM live_session AS o
             WHERE o.site_id = s.site_id AND o.tutored_as = _old.tutored_as AND o.id <> s.id)
            THEN s.tutored_as ELSE _old.tutored_as END
     WHERE s.id = _new_id RETURNING s.* INTO STRICT _new;
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
    SELECT _now, told.kind, s.site_id, s.id, s.trace_key, s.device_trace, jsonb_build_object(
               'number', _old.tutored_as, 'device', _device_number, 'by', _by)
      FROM (VALUES (_old_id, 'tutoring_left'), (_new_id, 'tutoring_carried_over'))
               AS told (id, kind)
      JOIN live_session AS s ON s.id = told.id;
    PERFORM pg_notify('kvar_session', 'extended ' || _old.site_id || ' ' || _old.id);
    PERFORM pg_notify('kvar_session', 'extended ' || _new.site_id || ' ' || _new.id);
    RETURN NEXT _new;
END $$;

-- When a site had no internet: the last outage, and how far sessions were prolonged for it.
CREATE TABLE uplink_outage (
    site_id       text PRIMARY KEY,
    began_at      timestamptz NOT NULL,
    counted_until timestamptz NOT NULL,
    ended_at      timestamptz
);

-- Prolong what has a time limit for the time without internet that has not been counted yet, never
-- beyond the site's latest end. With _since an outage is opened where none is; whoever counts after
-- another one goes on where that one stopped. Return whether an outage was open.
CREATE FUNCTION count_outage(_site_id text, _since timestamptz, _until timestamptz,
                             _latest timestamptz, _is_over boolean)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    _outage uplink_outage;
BEGIN
    IF _since IS NOT NULL THEN
        INSERT INTO uplink_outage AS o (site_id, began_at, counted_until)
        VALUES (_site_id, _since, _since)
        ON CONFLICT (site_id) DO UPDATE SET
            began_at = CASE WHEN o.ended_at IS NULL THEN o.began_at ELSE excluded.began_at END,
            counted_until = CASE WHEN o.ended_at IS NULL THEN o.counted_until
                            ELSE greatest(o.counted_until, excluded.counted_until) END,
            ended_at = NULL;
    END IF;
    SELECT * INTO _outage FROM uplink_outage
     WHERE site_id = _site_id AND ended_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    IF _until > _outage.counted_until THEN
        PERFORM FROM live_session WHERE site_id = _site_id AND ends_because = 'time_limit'
          ORDER BY id FOR UPDATE;
        UPDATE live_session AS s SET
            ends_at = greatest(s.ends_at, least(_latest,
                s.ends_at + (_until - greatest(_outage.counted_until, s.started_at)))),
            ends_because = CASE
                WHEN s.ends_at + (_until - greatest(_outage.counted_until, s.started_at)) > _latest
                THEN 'closing_time' ELSE s.ends_because END
         WHERE s.site_id = _site_id AND s.ends_because = 'time_limit'
           AND s.started_at < _until AND s.due_at > _outage.counted_until
           AND s.ends_at < _latest;
        IF FOUND THEN
            PERFORM pg_notify('kvar_session', 'extended ' || _site_id || ' all');
        END IF;
    END IF;
    UPDATE uplink_outage SET counted_until = greatest(counted_until, _until),
           ended_at = CASE WHEN _is_over THEN _until END
     WHERE site_id = _site_id;
    IF _is_over THEN
        INSERT INTO event (at, kind, site_id, detail)
        VALUES (_until, 'uplink_returned', _site_id, jsonb_build_object(
            'seconds', extract(epoch FROM greatest(_until - _outage.began_at, interval '0'))::bigint));
    END IF;
    RETURN true;
END $$;

-- Events that waited on disk while the database was away are written once, however often they come.
ALTER TABLE event ADD COLUMN origin uuid;
CREATE UNIQUE INDEX event_origin ON event (at, origin);

-- A site's wall clock beside its machine's monotonic one, as its keeper last saw them: a jump is
-- found also when the keeper was not there, and moves the site's sessions exactly once.
CREATE TABLE site_clock (
    site_id          text PRIMARY KEY,
    machine_start    text NOT NULL,              -- the kernel's boot_id
    started_at       timestamptz NOT NULL,       -- when that was, by the wall clock
    seen_at          timestamptz NOT NULL,       -- the latest wall clock time ever believed
    is_behind        boolean NOT NULL,           -- the machine started with an earlier time
    closing_in_doubt boolean NOT NULL DEFAULT false
);

-- What two readings of a counter that may begin anew say of the bytes between them.
CREATE FUNCTION counted(_before bigint, _now bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN _before <= _now THEN _now - _before ELSE _now END
$$;

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

-- Have the longest absent of a subject's devices give way, so that no more than _others are left;
-- never one under tutoring. Return who is out.
CREATE FUNCTION make_room(_subject bytea, _others integer, _now timestamptz)
RETURNS SETOF live_session LANGUAGE plpgsql AS $$
DECLARE
    _gone    live_session;
    _surplus bigint;
BEGIN
    SELECT count(*) - _others INTO _surplus
      FROM live_session WHERE subject = _subject AND NOT succeeded;
    FOR _gone IN
        DELETE FROM live_session AS s WHERE s.id IN (
            SELECT id FROM live_session
             WHERE subject = _subject AND NOT succeeded AND (protected_until > _now) IS NOT TRUE
             ORDER BY last_seen_at, id LIMIT greatest(_surplus, 0))
        RETURNING s.*
    LOOP
        PERFORM record_end(_gone, 'replaced', _now);
        RETURN NEXT _gone;
    END LOOP;
END $$;

-- As in 0001; but who went on under another address takes no place, and the owner's card shown by a
-- device that came by itself makes the session the card's. Another card does not, under tutoring.
CREATE OR REPLACE FUNCTION start_session(_new live_session, _most_devices integer, _attempt bigint,
                              _device bytea)
RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _now     timestamptz := _new.started_at;
    _locks   bigint[] := ARRAY[hashtextextended(_new.mac::text, 0), lock_of(_new.subject)];
    _running live_session;
    _gone    live_session;
BEGIN
    PERFORM lock_in_order(_locks);
    PERFORM FROM live_session WHERE mac = _new.mac OR subject = _new.subject
      ORDER BY id FOR UPDATE;

    UPDATE sign_in_attempt SET outcome = 'ok' WHERE id = _attempt;
    IF _device IS NOT NULL THEN
        INSERT INTO known_device (card, device, last_used_at)
        VALUES (_new.subject, _device, _now)
        ON CONFLICT (card, device) DO UPDATE SET last_used_at = excluded.last_used_at;
    END IF;
    UPDATE arrival SET admitted_at = _now, last_seen_at = _now
     WHERE site_id = _new.site_id AND mac = _new.mac;

    FOR _gone IN
        DELETE FROM live_session AS s
         WHERE (s.mac = _new.mac OR s.subject = _new.subject) AND s.due_at <= _now
        RETURNING s.*
    LOOP
        PERFORM record_end(_gone, _gone.ends_because, _gone.due_at);
    END LOOP;

    SELECT s.* INTO _running FROM live_session AS s WHERE s.mac = _new.mac;
    IF FOUND AND (_new.subject IS NULL OR _running.subject = _new.subject
                  OR _running.protected_until > _now) THEN
        IF _running.succeeded AND _running.subject = _new.subject THEN  -- it takes a place again
            RETURN QUERY SELECT 'replaced', gone
                           FROM make_room(_new.subject, _most_devices - 1, _now) AS gone;
        END IF;
        UPDATE live_session AS s
           SET last_seen_at = greatest(s.last_seen_at, _now), succeeded = false,
               ground = CASE WHEN s.ground = 'remembered' AND _new.ground = 'card'
                                  AND s.subject = _new.subject THEN 'card'
                             ELSE s.ground END
         WHERE s.id = _running.id RETURNING s.* INTO STRICT _running;
        RETURN QUERY SELECT 'running', _running;
        RETURN;
    ELSIF FOUND THEN
        DELETE FROM live_session WHERE id = _running.id;
        PERFORM record_end(_running, 'replaced', _now);
    END IF;

    RETURN QUERY SELECT 'replaced', gone
                   FROM make_room(_new.subject, _most_devices - 1, _now) AS gone;

    INSERT INTO live_session AS s (id, ground, subject, mac, site_id, started_at, ends_at,
        ends_because, last_seen_at, trace_key, device_trace, subject_trace)
    VALUES (_new.id, _new.ground, _new.subject, _new.mac, _new.site_id, _now, _new.ends_at,
        _new.ends_because, _now, _new.trace_key, _new.device_trace, _new.subject_trace)
    RETURNING s.* INTO STRICT _running;
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
    VALUES (_now, 'session_started', _new.site_id, _new.id, _new.trace_key, _new.device_trace,
            jsonb_build_object('ground', _new.ground));
    PERFORM pg_notify('kvar_session', 'started ' || _new.site_id || ' ' || _new.id);
    RETURN QUERY SELECT 'started', _running;
END $$;

-- Start a session; where it goes on with another of the same card (_continues: its owner's device
-- changed its address), take over what that one held. It is looked at again under the locks: it
-- must be quiet still, since before _quiet_since.
CREATE FUNCTION start_or_succeed(_new live_session, _most_devices integer, _attempt bigint,
                                 _device bytea, _continues uuid, _quiet_since timestamptz)
RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _locks bigint[] := ARRAY[hashtextextended(_new.mac::text, 0), lock_of(_new.subject)];
    _old   live_session;
    _row   record;
BEGIN
    IF _continues IS NOT NULL THEN
        PERFORM lock_in_order(_locks);
        PERFORM FROM live_session WHERE mac = _new.mac OR subject = _new.subject
          ORDER BY id FOR UPDATE;
        UPDATE live_session AS s SET succeeded = true
         WHERE s.id = _continues AND s.subject = _new.subject AND s.mac <> _new.mac
           AND NOT s.succeeded AND s.last_seen_at <= _quiet_since
           AND s.due_at > _new.started_at
           AND NOT EXISTS (SELECT FROM live_session AS r WHERE r.mac = _new.mac
                           AND r.due_at > _new.started_at)
        RETURNING s.* INTO _old;
        IF _old.site_id = _new.site_id THEN
            _new.ends_at := _old.ends_at;
            _new.ends_because := _old.ends_because;
        END IF;
    END IF;
    FOR _row IN
        SELECT started.what AS how, started.session AS begun
          FROM start_session(_new, _most_devices, _attempt, _device) AS started
    LOOP
        IF _row.how = 'started' AND _old.id IS NOT NULL THEN
            UPDATE live_session AS s SET group_id = NULL, upload_bytes = 0, download_bytes = 0,
                   tutored_as = CASE WHEN s.site_id <> _new.site_id THEN s.tutored_as END
             WHERE s.id = _old.id;
            UPDATE live_session AS s
               SET extensions = _old.extensions, protected_until = _old.protected_until,
                   group_id = _old.group_id, upload_bytes = _old.upload_bytes,
                   download_bytes = _old.download_bytes,
                   tutored_as = CASE WHEN _old.site_id = s.site_id THEN _old.tutored_as END
             WHERE s.id = _new.id RETURNING s.* INTO STRICT session;
            INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace)
            VALUES (_new.started_at, 'session_succeeded', _old.site_id, _old.id, _old.trace_key,
                    _old.device_trace);
        ELSE
            session := _row.begun;
        END IF;
        what := _row.how;
        RETURN NEXT;
    END LOOP;
END $$;

-- Where a device was seen last (a node, or another network of it), and how often that changed
-- within minutes: whoever walks changes it once or twice, two devices with one address for ever.
CREATE TABLE device_place (
    session_id uuid PRIMARY KEY REFERENCES live_session ON DELETE CASCADE,
    place      text NOT NULL,
    changed_at timestamptz NOT NULL,
    changes    integer NOT NULL DEFAULT 0
);
