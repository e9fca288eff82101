-- Vouchers: codes that let so many devices in, by two clocks; who made and changed them is an event.
-- A code or a token never stands in clear: hashes under a key outside the database, and both
-- encrypted (sealed) until the first login, so that the same slip can be printed again.

-- What vouchers are called by: one series of a site that goes on (one slip at a time), and one of
-- its own for everything that was made several at a time.
CREATE TABLE voucher_series (
    letters     text PRIMARY KEY CHECK (letters ~ '^[A-Z]{1,4}$'),
    site_id     text NOT NULL,
    is_batch    boolean NOT NULL,
    last_number integer NOT NULL DEFAULT 0 CHECK (last_number BETWEEN 0 AND 9999),
    made_at     timestamptz NOT NULL
);
CREATE SEQUENCE voucher_series_count;

CREATE TABLE voucher (
    id            uuid PRIMARY KEY,
    letters       text NOT NULL REFERENCES voucher_series,
    number        integer NOT NULL CHECK (number > 0),
    making        uuid NOT NULL,                 -- made in one act, and undone in one
    site_id       text NOT NULL,
    is_everywhere boolean NOT NULL,              -- false: at its own site only
    preset        text NOT NULL,
    key_id        text NOT NULL,                 -- of the key in all that follows here
    code          bytea NOT NULL UNIQUE CHECK (octet_length(code) = 32),
    token         bytea NOT NULL UNIQUE CHECK (octet_length(token) = 32),
    subject       bytea NOT NULL UNIQUE CHECK (octet_length(subject) = 32),
    sealed        bytea,
    most_devices  integer NOT NULL CHECK (most_devices > 0),
    made_at       timestamptz NOT NULL,
    starts_at     timestamptz NOT NULL,
    use_before    timestamptz NOT NULL,          -- for the first login only
    length        interval,                      -- from the first login; and not after "until";
    until         timestamptz,                   -- neither: to closing time
    first_used_at timestamptz,
    ends_at       timestamptz,
    revoked_at    timestamptz,
    over_at       timestamptz NOT NULL GENERATED ALWAYS AS (
        least(revoked_at, coalesce(ends_at, least(use_before, until)))) STORED,
    UNIQUE (letters, number),
    CHECK ((first_used_at IS NULL) = (ends_at IS NULL)),
    CHECK (sealed IS NULL OR revoked_at IS NULL)
);
CREATE INDEX voucher_made ON voucher (site_id, made_at DESC, number DESC);
CREATE INDEX voucher_making ON voucher (making);
CREATE INDEX voucher_over ON voucher (over_at);

-- The devices that have a place, each under a name that only its voucher's subject gives it: no two
-- vouchers call a device the same.
CREATE TABLE voucher_device (
    voucher_id uuid NOT NULL REFERENCES voucher ON DELETE CASCADE,
    device     bytea NOT NULL CHECK (octet_length(device) = 32),
    since      timestamptz NOT NULL,
    PRIMARY KEY (voucher_id, device)
);

-- Desk pages are told at which site something changed.
CREATE FUNCTION tell_of_voucher() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('kvar_voucher', coalesce(NEW.site_id, OLD.site_id));
    RETURN NULL;
END $$;
CREATE TRIGGER voucher_tells AFTER INSERT OR UPDATE OR DELETE ON voucher
    FOR EACH ROW EXECUTE FUNCTION tell_of_voucher();

-- A, B … Z, AA, AB …: without I and O, which are read as digits.
CREATE FUNCTION series_letters(_count bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _rest    bigint := _count;
    _letters text := '';
BEGIN
    WHILE _rest > 0 LOOP
        _letters := substr('ABCDEFGHJKLMNPQRSTUVWXYZ', ((_rest - 1) % 24 + 1)::integer, 1)
                    || _letters;
        _rest := (_rest - 1) / 24;
    END LOOP;
    RETURN _letters;
END $$;

-- Take the next numbers for so many vouchers. The row stays locked until they are written.
CREATE FUNCTION take_serials(_site_id text, _count integer, _now timestamptz)
RETURNS TABLE (series text, first_number integer) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('voucher_series ' || _site_id, 0));
    IF _count = 1 THEN
        UPDATE voucher_series AS s SET last_number = s.last_number + 1
         WHERE s.letters = (SELECT letters FROM voucher_series
                             WHERE site_id = _site_id AND NOT is_batch AND last_number < 9999
                             ORDER BY made_at, letters LIMIT 1)
        RETURNING s.letters, s.last_number INTO series, first_number;
    END IF;
    IF series IS NULL THEN
        INSERT INTO voucher_series AS s (letters, site_id, is_batch, last_number, made_at)
        VALUES (series_letters(nextval('voucher_series_count')), _site_id, _count > 1, _count, _now)
        RETURNING s.letters, 1 INTO series, first_number;
    END IF;
    RETURN NEXT;
END $$;

-- "A-0412".
CREATE FUNCTION serial_of(_voucher voucher) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT _voucher.letters || '-' || lpad(_voucher.number::text, 4, '0')
$$;

-- Typed codes ----------------------------------------------------------------------------------

-- Say whether a code may be looked up at all. One at a time in the whole installation, so that
-- guesses made in parallel cannot exceed a limit. A row: not now, "waits" (this device, until
-- then) or "busy" (codes cannot be typed here now).
CREATE FUNCTION hold_back_codes(
    _device bytea, _site_id text, _now timestamptz,
    _per_device integer, _device_window interval,
    _per_site integer, _everywhere integer, _window interval
) RETURNS TABLE (what text, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    _soon   timestamptz := _now + interval '1 minute';  -- other nodes' clocks may be ahead
    _oldest timestamptz;
    _here   bigint;
    _all    bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('try_code'));
    SELECT a.at INTO _oldest FROM code_attempt AS a
     WHERE a.device = _device AND a.at > _now - _device_window AND a.at <= _soon
     ORDER BY a.at DESC OFFSET _per_device - 1 LIMIT 1;
    IF FOUND THEN
        RETURN QUERY SELECT 'waits', least(_oldest, _now) + _device_window;
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE a.site_id = _site_id), count(*) INTO _here, _all
      FROM code_attempt AS a WHERE a.at > _now - _window AND a.at <= _soon;
    IF _here >= _per_site OR _all >= _everywhere THEN
        RETURN QUERY SELECT 'busy', NULL::timestamptz;
    END IF;
END $$;

-- Count a code that nobody has, under the lock of hold_back_codes; tell IT of the first one above
-- the alarm in a while.
CREATE FUNCTION count_guess(_device bytea, _site_id text, _now timestamptz, _window interval,
                            _alarm_at integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _soon timestamptz := _now + interval '1 minute';
BEGIN
    INSERT INTO code_attempt (at, device, site_id) VALUES (_now, _device, _site_id);
    IF (SELECT count(*) FROM code_attempt AS a
         WHERE a.at > _now - _window AND a.at <= _soon AND a.site_id = _site_id) >= _alarm_at
       AND NOT EXISTS (
        SELECT FROM event AS e WHERE e.at > _now - _window AND e.at <= _soon
           AND e.kind = 'many_wrong_codes' AND e.site_id = _site_id) THEN
        INSERT INTO event (at, kind, site_id) VALUES (_now, 'many_wrong_codes', _site_id);
    END IF;
END $$;

-- As in 0003, for the room codes of tutoring groups.
CREATE OR REPLACE FUNCTION try_code(
    _code bytea, _device bytea, _site_id text, _now timestamptz,
    _per_device integer, _device_window interval,
    _per_site integer, _everywhere integer, _window interval, _alarm_at integer
) RETURNS TABLE (what text, until timestamptz, known tutoring_group) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);  -- promised to nobody
    RETURN QUERY SELECT held.what, held.until, NULL::tutoring_group
      FROM hold_back_codes(_device, _site_id, _now, _per_device, _device_window, _per_site,
                           _everywhere, _window) AS held;
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT 'known', NULL::timestamptz, g
      FROM tutoring_group AS g WHERE g.site_id = _site_id AND g.code = _code
     ORDER BY g.ended_at IS NULL DESC, g.ends_at DESC LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM count_guess(_device, _site_id, _now, _window, _alarm_at);
    RETURN QUERY SELECT 'unknown', NULL::timestamptz, NULL::tutoring_group;
END $$;

-- The same for vouchers. A code may be hashed under the keys of several years. No row of "known"
-- above a cap: then no voucher is looked up.
CREATE FUNCTION try_voucher_code(
    _codes bytea[], _device bytea, _site_id text, _now timestamptz,
    _per_device integer, _device_window interval,
    _per_site integer, _everywhere integer, _window interval, _alarm_at integer
) RETURNS TABLE (what text, until timestamptz, known uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN QUERY SELECT held.what, held.until, NULL::uuid
      FROM hold_back_codes(_device, _site_id, _now, _per_device, _device_window, _per_site,
                           _everywhere, _window) AS held;
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT 'known', NULL::timestamptz, v.id
      FROM voucher AS v WHERE v.code = ANY(_codes) ORDER BY v.made_at DESC LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM count_guess(_device, _site_id, _now, _window, _alarm_at);
    RETURN QUERY SELECT 'unknown', NULL::timestamptz, NULL::uuid;
END $$;

-- Using -----------------------------------------------------------------------------------------
-- Whoever changes a voucher or its sessions holds the advisory lock of its subject, then the rows
-- of live_session in the order of their ids, then the voucher's own row.

-- Use a voucher: take a place, start its clock, start the session. A device that has a place takes
-- no other. One on a new address (_continues: the session of the old one, which is quiet still)
-- takes over the place with the session; who had given up a place before is out then, so that a
-- code that is handed round keeps no more than twice its devices online.
-- "what" is changed (it is not usable any more, look again), full, replaced (that device is out),
-- started or running.
CREATE FUNCTION redeem_voucher(
    _id uuid, _new live_session, _ends_at timestamptz, _device bytea,
    _continues uuid, _before bytea, _quiet_since timestamptz
) RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _now      timestamptz := _new.started_at;
    _locks    bigint[] := ARRAY[hashtextextended(_new.mac::text, 0), lock_of(_new.subject)];
    _voucher  voucher;
    _gone     live_session;
    _goes_on  boolean := false;
BEGIN
    PERFORM lock_in_order(_locks);
    PERFORM FROM live_session WHERE mac = _new.mac OR subject = _new.subject
      ORDER BY id FOR UPDATE;
    SELECT v.* INTO _voucher FROM voucher AS v WHERE v.id = _id AND v.subject = _new.subject
       AND v.starts_at <= _now AND v.over_at > _now
       AND v.revoked_at IS NULL  -- by whatever clock
       FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'changed', NULL::live_session;
        RETURN;
    END IF;

    -- Under tutoring on other grounds, the device needs no voucher.
    RETURN QUERY UPDATE live_session AS s SET last_seen_at = greatest(s.last_seen_at, _now)
     WHERE s.mac = _new.mac AND s.due_at > _now AND s.protected_until > _now
       AND s.subject IS DISTINCT FROM _new.subject
    RETURNING 'running', s;
    IF FOUND THEN
        RETURN;
    END IF;

    IF EXISTS (SELECT FROM voucher_device WHERE voucher_id = _id AND device = _device) THEN
        _continues := NULL;
    ELSE
        _goes_on := EXISTS (
            SELECT FROM live_session AS s
             WHERE s.id = _continues AND s.subject = _new.subject AND s.mac <> _new.mac
               AND NOT s.succeeded AND s.last_seen_at <= _quiet_since AND s.due_at > _now)
            AND NOT EXISTS (SELECT FROM live_session AS s
                             WHERE s.mac = _new.mac AND s.due_at > _now)
            AND EXISTS (SELECT FROM voucher_device
                         WHERE voucher_id = _id AND device = _before);
        IF _goes_on THEN
            DELETE FROM voucher_device WHERE voucher_id = _id AND device = _before;
            FOR _gone IN
                DELETE FROM live_session AS s
                 WHERE s.subject = _new.subject AND s.succeeded
                   AND (s.protected_until > _now) IS NOT TRUE
                RETURNING s.*
            LOOP
                PERFORM record_end(_gone, 'replaced', _now);
                RETURN QUERY SELECT 'replaced', _gone;
            END LOOP;
        ELSIF (SELECT count(*) FROM voucher_device WHERE voucher_id = _id)
              >= _voucher.most_devices THEN
            RETURN QUERY SELECT 'full', NULL::live_session;
            RETURN;
        END IF;
        INSERT INTO voucher_device (voucher_id, device, since) VALUES (_id, _device, _now);
    END IF;

    IF _voucher.first_used_at IS NULL THEN
        INSERT INTO event (at, kind, site_id, detail)
        VALUES (_now, 'voucher_used', _new.site_id, jsonb_build_object(
            'serial', serial_of(_voucher)));
    END IF;
    UPDATE voucher AS v SET first_used_at = coalesce(v.first_used_at, _now),
           ends_at = coalesce(v.ends_at, _ends_at), sealed = NULL
     WHERE v.id = _id RETURNING v.* INTO STRICT _voucher;
    IF _voucher.ends_at < _new.ends_at THEN
        _new.ends_at := _voucher.ends_at;
        _new.ends_because := 'time_limit';
    END IF;
    RETURN QUERY SELECT * FROM start_or_succeed(
        _new, 2147483647, NULL, NULL, CASE WHEN _goes_on THEN _continues END, _quiet_since);
END $$;

-- Where something else moves the end of a voucher's session (time without internet, a tutoring, a
-- clock that was put right), the voucher's own end moves along: a second login must not be told
-- an earlier one.
CREATE FUNCTION follow_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE voucher SET ends_at = NEW.ends_at
     WHERE subject = NEW.subject AND first_used_at IS NOT NULL AND ends_at < NEW.ends_at;
    RETURN NULL;
END $$;
CREATE TRIGGER live_session_moves_voucher AFTER UPDATE OF ends_at ON live_session
    FOR EACH ROW WHEN (NEW.ground = 'voucher' AND NEW.ends_because = 'time_limit'
                       AND NEW.ends_at > OLD.ends_at)
    EXECUTE FUNCTION follow_session();

-- As in 0003; and a voucher's device comes back only while the voucher lasts, and no longer.
CREATE OR REPLACE FUNCTION return_session(_new live_session, _most_devices integer,
                               _pressed boolean, _old_name bytea, _name bytea,
                               _expires_at timestamptz)
RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _now     timestamptz := _new.started_at;
    _locks   bigint[] := ARRAY[hashtextextended(_new.mac::text, 0), lock_of(_new.subject)];
    _running live_session;
    _others  bigint;
    _until   timestamptz;
BEGIN
    PERFORM lock_in_order(_locks);
    SELECT s.* INTO _running FROM live_session AS s WHERE s.mac = _new.mac AND s.due_at > _now;
    IF FOUND THEN
        RETURN QUERY SELECT 'running', _running;
        RETURN;
    END IF;
    IF _new.ground = 'voucher' THEN
        SELECT v.ends_at INTO _until FROM voucher AS v
         WHERE v.subject = _new.subject AND v.over_at > _now AND v.revoked_at IS NULL
           AND v.first_used_at IS NOT NULL;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        IF _until < _new.ends_at THEN
            _new.ends_at := _until;
            _new.ends_because := 'time_limit';
        END IF;
    ELSE
        SELECT count(*) INTO _others FROM live_session AS s
         WHERE s.subject = _new.subject AND NOT s.succeeded AND s.due_at > _now;
        IF _others >= _most_devices AND NOT _pressed THEN
            RETURN;
        END IF;
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

-- What staff do ----------------------------------------------------------------------------------

-- Turn vouchers off: their sessions end, their slips are forgotten. One row a voucher that was on
-- still, and one a device that must leave the gate.
CREATE FUNCTION revoke_vouchers(_ids uuid[], _only_unused boolean, _now timestamptz)
RETURNS TABLE (voucher_id uuid, device macaddr) LANGUAGE plpgsql AS $$
DECLARE
    _subjects bytea[];
    _gone     live_session;
BEGIN
    PERFORM lock_in_order(ARRAY(SELECT lock_of(v.subject) FROM voucher AS v
                                 WHERE v.id = ANY(_ids)));
    SELECT array_agg(v.subject) INTO _subjects FROM voucher AS v
     WHERE v.id = ANY(_ids) AND v.revoked_at IS NULL
       AND NOT (_only_unused AND v.first_used_at IS NOT NULL);
    PERFORM FROM live_session AS s WHERE s.subject = ANY(_subjects) ORDER BY s.id FOR UPDATE;
    FOR _gone IN
        DELETE FROM live_session AS s WHERE s.subject = ANY(_subjects) RETURNING s.*
    LOOP
        PERFORM record_end(_gone, 'revoked', _now);
        RETURN QUERY SELECT NULL::uuid, _gone.mac;
    END LOOP;
    DELETE FROM returning_device AS r WHERE r.subject = ANY(_subjects);
    RETURN QUERY UPDATE voucher AS v SET revoked_at = _now, sealed = NULL
     WHERE v.subject = ANY(_subjects) RETURNING v.id, NULL::macaddr;
END $$;

-- Give a voucher its new clocks, and its sessions the ends that are told for them. No row where it
-- was turned off meanwhile, or used for the first time (_ends_at null: nobody had).
CREATE FUNCTION prolong_voucher(
    _id uuid, _use_before timestamptz, _until timestamptz, _ends_at timestamptz,
    _sessions uuid[], _session_ends timestamptz[], _because text[], _now timestamptz, _by text
) RETURNS TABLE (is_voucher boolean, session live_session) LANGUAGE plpgsql AS $$
DECLARE
    _voucher voucher;
    _longer  live_session;
BEGIN
    PERFORM pg_advisory_xact_lock(lock_of(v.subject)) FROM voucher AS v WHERE v.id = _id;
    PERFORM FROM live_session AS s WHERE s.id = ANY(_sessions) ORDER BY s.id FOR UPDATE;
    UPDATE voucher AS v SET use_before = _use_before, until = _until,
           ends_at = greatest(v.ends_at, _ends_at)  -- it may have moved along with a session
     WHERE v.id = _id AND v.revoked_at IS NULL
       AND (v.first_used_at IS NULL) = (_ends_at IS NULL)
    RETURNING v.* INTO _voucher;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO event (at, kind, site_id, detail)
    VALUES (_now, 'voucher_extended', _voucher.site_id, jsonb_build_object(
        'serial', serial_of(_voucher), 'by', _by));
    RETURN QUERY SELECT true, NULL::live_session;
    FOR _longer IN
        UPDATE live_session AS s SET ends_at = told.ends_at, ends_because = told.because
          FROM unnest(_sessions, _session_ends, _because) AS told (id, ends_at, because)
         WHERE s.id = told.id AND s.subject = _voucher.subject AND s.ends_at < told.ends_at
        RETURNING s.*
    LOOP
        PERFORM pg_notify('kvar_session', 'extended ' || _longer.site_id || ' ' || _longer.id);
        RETURN QUERY SELECT false, _longer;
    END LOOP;
END $$;

-- Let a new voucher go on with what is left of a used one: its end, its places, its sessions. They
-- keep their subject, which is the new one's from now on; the old one is turned off, under another.
-- Return it; no row where the old one is over.
CREATE FUNCTION replace_voucher(_old_id uuid, _new voucher, _by text)
RETURNS SETOF voucher LANGUAGE plpgsql AS $$
DECLARE
    _now timestamptz := _new.made_at;
    _old voucher;
BEGIN
    PERFORM pg_advisory_xact_lock(lock_of(v.subject)) FROM voucher AS v WHERE v.id = _old_id;
    SELECT v.* INTO _old FROM voucher AS v
     WHERE v.id = _old_id AND v.over_at > _now AND v.revoked_at IS NULL
       AND v.first_used_at IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT series, first_number INTO _new.letters, _new.number
      FROM take_serials(_old.site_id, 1, _now);
    UPDATE voucher AS v SET subject = _new.subject, revoked_at = _now, sealed = NULL
     WHERE v.id = _old_id;
    INSERT INTO voucher (id, letters, number, making, site_id, is_everywhere, preset, key_id, code,
        token, subject, sealed, most_devices, made_at, starts_at, use_before, length, until,
        first_used_at, ends_at)
    VALUES (_new.id, _new.letters, _new.number, _new.making, _old.site_id, _old.is_everywhere,
        _old.preset, _new.key_id, _new.code, _new.token, _old.subject, _new.sealed,
        _old.most_devices, _now, _old.starts_at, _old.use_before, NULL, _old.ends_at,
        _old.first_used_at, _old.ends_at)
    RETURNING * INTO STRICT _new;
    UPDATE voucher_device SET voucher_id = _new.id WHERE voucher_id = _old_id;
    INSERT INTO event (at, kind, site_id, detail)
    VALUES (_now, 'voucher_replaced', _old.site_id, jsonb_build_object(
        'serial', serial_of(_old), 'new', serial_of(_new), 'by', _by));
    RETURN NEXT _new;
END $$;
