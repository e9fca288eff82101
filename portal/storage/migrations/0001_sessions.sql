-- The truth: who may be online, on what ground, until when; who waits; who guessed; what happened.
-- A MAC address stands in clear in live_session and arrival only. A card number or PIN never does.
-- Bytes a row in PostgreSQL 15, heap + indexes, after 10,000 sign-ins: live_session 250 + 153,
-- past_session 175 + 164, event 158 + 35, sign_in_attempt 169 + 279, known_device 111 + 131.

-- Sessions -----------------------------------------------------------------------------------

CREATE TABLE live_session (
    id              uuid PRIMARY KEY,
    ground          text NOT NULL,
    subject         bytea CHECK (octet_length(subject) = 32),
    mac             macaddr NOT NULL UNIQUE,   -- one session per device, whatever the site
    site_id         text NOT NULL,
    started_at      timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL CHECK (ends_at >= started_at),
    ends_because    text NOT NULL CHECK (ends_because IN ('closing_time', 'time_limit')),
    last_seen_at    timestamptz NOT NULL,
    protected_until timestamptz,
    extensions      integer NOT NULL DEFAULT 0,
    -- Under the log key of the week the session started in: what its history will be called.
    trace_key       text NOT NULL,
    device_trace    bytea NOT NULL CHECK (octet_length(device_trace) = 32),
    subject_trace   bytea CHECK (octet_length(subject_trace) = 32),
    -- A tutor's protection outlasts a time limit, not closing time.
    due_at          timestamptz NOT NULL GENERATED ALWAYS AS (
        CASE WHEN ends_because = 'time_limit' THEN greatest(ends_at, protected_until)
             ELSE ends_at END) STORED
);
CREATE INDEX live_session_subject ON live_session (subject) WHERE subject IS NOT NULL;
CREATE INDEX live_session_due ON live_session (due_at);

CREATE TABLE past_session (
    id              uuid NOT NULL,
    ground          text NOT NULL,
    site_id         text NOT NULL,
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz NOT NULL CHECK (ended_at >= started_at),
    end_reason      text NOT NULL,
    extensions      integer NOT NULL,
    trace_key       text NOT NULL,
    device_trace    bytea NOT NULL,
    subject_trace   bytea,
    PRIMARY KEY (started_at, id)
) PARTITION BY RANGE (started_at);
CREATE INDEX past_session_device ON past_session (device_trace, ended_at);
CREATE TABLE past_session_default PARTITION OF past_session DEFAULT;

-- Events: what happened, never changed --------------------------------------------------------

CREATE TABLE event (
    at           timestamptz NOT NULL,
    id           bigint GENERATED ALWAYS AS IDENTITY,
    kind         text NOT NULL,
    site_id      text NOT NULL,
    session_id   uuid,
    trace_key    text,
    device_trace bytea,
    detail       jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE TABLE event_default PARTITION OF event DEFAULT;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed; whole weeks are dropped when they are due';
END $$;
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER event_is_not_emptied BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Create what is missing of the weekly partitions (Monday, UTC). A week of which rows already stand
-- in the default partition is left there: writing must never fail for want of a partition.
CREATE FUNCTION make_weeks(_from timestamptz, _weeks integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _monday timestamp;
    _table  text;
    _column text;
    _taken  boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_weeks'));
    FOR _monday IN
        SELECT date_trunc('week', _from AT TIME ZONE 'UTC') + n * interval '7 days'
        FROM generate_series(0, _weeks - 1) AS n
    LOOP
        FOREACH _table IN ARRAY ARRAY['past_session', 'event'] LOOP
            _column := CASE _table WHEN 'event' THEN 'at' ELSE 'started_at' END;
            CONTINUE WHEN to_regclass(_table || to_char(_monday, '_IYYY"w"IW')) IS NOT NULL;
            EXECUTE format('SELECT EXISTS (SELECT FROM %I_default WHERE %I >= $1 AND %I < $2)',
                           _table, _column, _column)
               INTO _taken USING _monday AT TIME ZONE 'UTC',
                                 (_monday + interval '7 days') AT TIME ZONE 'UTC';
            CONTINUE WHEN _taken;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           _table || to_char(_monday, '_IYYY"w"IW'), _table,
                           _monday::text || '+00', (_monday + interval '7 days')::text || '+00');
        END LOOP;
    END LOOP;
END $$;

-- Arrivals: captive devices seen, with the number on their page -------------------------------

CREATE TABLE arrival (
    site_id       text NOT NULL,
    mac           macaddr NOT NULL,
    number        integer NOT NULL CHECK (number BETWEEN 10 AND 9999),
    steps         text[] NOT NULL DEFAULT '{}',
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    admitted_at   timestamptz,               -- set: no longer waiting, the number is still kept
    PRIMARY KEY (site_id, mac),
    UNIQUE (site_id, number)
);
CREATE INDEX arrival_last_seen ON arrival (last_seen_at);

-- Sign-in attempts and the devices that a card has been used on -------------------------------

CREATE TABLE sign_in_attempt (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    card    bytea NOT NULL CHECK (octet_length(card) = 32),
    device  bytea NOT NULL CHECK (octet_length(device) = 32),
    site_id text NOT NULL,
    outcome text                             -- null: not answered yet, counts as wrong
);
CREATE INDEX sign_in_attempt_card ON sign_in_attempt (card, at);
CREATE INDEX sign_in_attempt_device ON sign_in_attempt (device, at);
CREATE INDEX sign_in_attempt_site ON sign_in_attempt (site_id, at);

CREATE TABLE known_device (
    card         bytea NOT NULL CHECK (octet_length(card) = 32),
    device       bytea NOT NULL CHECK (octet_length(device) = 32),
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (card, device)
);
CREATE INDEX known_device_last_used ON known_device (last_used_at);

-- The number of the advisory lock that serialises everything about one card or device.
CREATE FUNCTION lock_of(_hash bytea) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT ('x' || encode(substr(_hash, 1, 8), 'hex'))::bit(64)::bigint
$$;

-- Reserve one attempt, and say what stands against it. Under the locks of the card and the device,
-- always in one order, so that attempts made in parallel see each other. The site's counts are not
-- locked (a site must not sign in one by one), so each connection may slip one attempt in. Not
-- flushed to disk at commit: a reservation is promised to nobody.
CREATE FUNCTION reserve_attempt(
    _card bytea, _device bytea, _site_id text, _now timestamptz, _memory interval,
    OUT id bigint, OUT device_is_known boolean,
    OUT pair_wrong bigint, OUT pair_last_at timestamptz,
    OUT strangers_wrong bigint, OUT strangers_first_at timestamptz,
    OUT card_wrong bigint, OUT card_first_at timestamptz,
    OUT device_wrong bigint, OUT device_first_at timestamptz,
    OUT cards_tried bigint, OUT cards_first_at timestamptz,
    OUT site_checks bigint, OUT site_wrong bigint,
    OUT pair_undecided bigint, OUT strangers_undecided bigint,
    OUT card_undecided bigint, OUT device_undecided bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _until timestamptz := _now + interval '1 minute';  -- other nodes' clocks may be ahead
    _fresh timestamptz := _now - interval '30 seconds';  -- older: nobody is asking any more
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock(least(lock_of(_card), lock_of(_device)));
    PERFORM pg_advisory_xact_lock(greatest(lock_of(_card), lock_of(_device)));

    SELECT EXISTS (SELECT FROM known_device k WHERE k.card = _card AND k.device = _device
                   AND k.last_used_at > _now - _memory)
      INTO device_is_known;

    WITH today AS (
        SELECT a.id, a.at, a.device, a.outcome = 'ok' AS good,
               coalesce(a.outcome, 'bad_credentials') = 'bad_credentials' AS wrong,
               a.outcome IS NULL AND a.at > _fresh AS undecided,
               NOT EXISTS (SELECT FROM known_device k WHERE k.card = _card
                           AND k.device = a.device AND k.last_used_at > _now - _memory) AS strange
        FROM sign_in_attempt a
        WHERE a.card = _card AND a.at > _now - interval '24 hours' AND a.at <= _until
    ), success AS (
        SELECT coalesce(max(t.id) FILTER (WHERE t.device = _device), 0) AS of_pair,
               coalesce(max(t.id), 0) AS of_card
        FROM today t WHERE t.good
    )
    SELECT count(*) FILTER (WHERE t.device = _device AND t.id > s.of_pair),
           max(t.at) FILTER (WHERE t.device = _device AND t.id > s.of_pair),
           count(*) FILTER (WHERE t.strange), min(t.at) FILTER (WHERE t.strange),
           count(*) FILTER (WHERE t.id > s.of_card), min(t.at) FILTER (WHERE t.id > s.of_card),
           count(*) FILTER (WHERE t.undecided AND t.device = _device AND t.id > s.of_pair),
           count(*) FILTER (WHERE t.undecided AND t.strange),
           count(*) FILTER (WHERE t.undecided AND t.id > s.of_card)
      INTO pair_wrong, pair_last_at, strangers_wrong, strangers_first_at, card_wrong,
           card_first_at, pair_undecided, strangers_undecided, card_undecided
      FROM today t CROSS JOIN success s WHERE t.wrong;

    SELECT count(*), min(a.at),
           count(DISTINCT a.card) FILTER (
               WHERE a.card <> _card AND a.at > _now - interval '30 minutes'),
           min(a.at) FILTER (WHERE a.card <> _card AND a.at > _now - interval '30 minutes'),
           count(*) FILTER (WHERE a.outcome IS NULL AND a.at > _fresh)
      INTO device_wrong, device_first_at, cards_tried, cards_first_at, device_undecided
      FROM sign_in_attempt a
     WHERE a.device = _device AND a.at > _now - interval '1 hour' AND a.at <= _until
       AND coalesce(a.outcome, 'bad_credentials') = 'bad_credentials';

    SELECT count(*) FILTER (WHERE a.at > _now - interval '10 seconds'),
           count(*) FILTER (WHERE coalesce(a.outcome, 'bad_credentials') = 'bad_credentials')
      INTO site_checks, site_wrong
      FROM sign_in_attempt a
     WHERE a.site_id = _site_id AND a.at > _now - interval '10 minutes' AND a.at <= _until;

    INSERT INTO sign_in_attempt AS a (at, card, device, site_id)
    VALUES (_now, _card, _device, _site_id) RETURNING a.id INTO id;
END $$;

-- Starting and ending --------------------------------------------------------------------------

-- Write what is left of a session that was just deleted, and tell whoever listens.
CREATE FUNCTION record_end(_gone live_session, _reason text, _at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO past_session (id, ground, site_id, started_at, ended_at, end_reason, extensions,
                              trace_key, device_trace, subject_trace)
    VALUES (_gone.id, _gone.ground, _gone.site_id, _gone.started_at,
            greatest(_at, _gone.started_at), _reason, _gone.extensions,
            _gone.trace_key, _gone.device_trace, _gone.subject_trace);
    INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)
    VALUES (_at, 'session_ended', _gone.site_id, _gone.id, _gone.trace_key, _gone.device_trace,
            jsonb_build_object('reason', _reason));
    PERFORM pg_notify('kvar_session', 'ended ' || _gone.site_id || ' ' || _gone.id);
END $$;

-- Let a device in, in one transaction: what ended ends, what runs stays, who is longest absent
-- gives way, the attempt is settled. "what" is started, running or replaced (that one is out).
--
-- Under the locks of the device and of the subject nobody else adds a row of theirs; rows that may
-- end here are locked in one order, so that two cards swapping devices do not wait for each other.
CREATE FUNCTION start_session(_new live_session, _most_devices integer, _attempt bigint,
                              _device bytea)
RETURNS TABLE (what text, session live_session) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _now     timestamptz := _new.started_at;
    _locks   bigint[] := ARRAY[hashtextextended(_new.mac::text, 0), lock_of(_new.subject)];
    _lock    bigint;
    _running live_session;
    _gone    live_session;
    _surplus bigint;
BEGIN
    FOR _lock IN SELECT l FROM unnest(_locks) AS l WHERE l IS NOT NULL ORDER BY l LOOP
        PERFORM pg_advisory_xact_lock(_lock);
    END LOOP;
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
        UPDATE live_session AS s SET last_seen_at = greatest(s.last_seen_at, _now)
         WHERE s.id = _running.id RETURNING s.* INTO STRICT _running;
        RETURN QUERY SELECT 'running', _running;
        RETURN;
    ELSIF FOUND THEN
        DELETE FROM live_session WHERE id = _running.id;
        PERFORM record_end(_running, 'replaced', _now);
    END IF;

    SELECT count(*) - (_most_devices - 1) INTO _surplus
      FROM live_session WHERE subject = _new.subject;
    FOR _gone IN
        DELETE FROM live_session AS s WHERE s.id IN (
            SELECT id FROM live_session
             WHERE subject = _new.subject AND (protected_until > _now) IS NOT TRUE
             ORDER BY last_seen_at, id LIMIT greatest(_surplus, 0))
        RETURNING s.*
    LOOP
        PERFORM record_end(_gone, 'replaced', _now);
        RETURN QUERY SELECT 'replaced', _gone;
    END LOOP;

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
