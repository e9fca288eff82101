-- What is written down of visits, site by site (portal/domain/privacy.py), and at the highest level
-- which ports and addresses the network gave. Whatever writes history obeys: the rules are here.

-- From each node's configuration; a site that nobody has told of has the default.
CREATE TABLE site_privacy (
    site_id text PRIMARY KEY,
    level   smallint NOT NULL CHECK (level BETWEEN 0 AND 3),
    -- It was higher: what was written then is taken back by the next tidying.
    lowered boolean NOT NULL DEFAULT false
);

CREATE FUNCTION privacy_of(_site_id text) RETURNS smallint LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT level FROM site_privacy WHERE site_id = _site_id), 2::smallint)
$$;

-- The name of a visit that names no device: nothing in it but the visit's own id.
CREATE FUNCTION visit_name(_id uuid) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT sha256(convert_to(_id::text, 'UTF8'))
$$;

-- What history will call a session is settled when it starts, so that a level that is raised meanwhile
-- reveals nothing of what was before. trace_key says how: "none" no history, "visit" by visit_name.
CREATE FUNCTION settle_names() RETURNS trigger LANGUAGE plpgsql AS $$
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
    ELSIF OLD.trace_key IN ('none', 'visit') THEN
        NEW.trace_key := CASE WHEN NEW.trace_key = 'none' THEN 'none' ELSE OLD.trace_key END;
    END IF;
    IF NEW.trace_key IN ('none', 'visit') THEN
        NEW.device_trace := visit_name(NEW.id);
        NEW.subject_trace := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER live_session_names BEFORE INSERT OR UPDATE OF trace_key, device_trace, subject_trace
    ON live_session FOR EACH ROW EXECUTE FUNCTION settle_names();
DROP TRIGGER live_session_drops_ticket ON live_session;
DROP FUNCTION drop_ticket();

CREATE FUNCTION keep_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.trace_key = 'none' OR privacy_of(NEW.site_id) = 0 THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER past_session_privacy BEFORE INSERT ON past_session
    FOR EACH ROW EXECUTE FUNCTION keep_visit();

-- From when a tutor held a session: asked for while it runs, to give the time back (vouchers.sql).
CREATE FUNCTION is_of_tutoring(_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT _kind IN ('tutoring_started', 'tutoring_carried_over', 'group_joined')
$$;

-- What staff did is written down at every level, and what happened to all; of a guest what the level
-- allows. Of tutoring the session's id stays, which leads nowhere once the session is over.
CREATE FUNCTION keep_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _level smallint;
BEGIN
    IF NEW.session_id IS NULL AND NEW.device_trace IS NULL AND NEW.kind <> 'voucher_used' THEN
        RETURN NEW;
    END IF;
    _level := CASE NEW.trace_key WHEN 'none' THEN 0 ELSE privacy_of(NEW.site_id) END;
    IF _level >= 2 THEN
        RETURN NEW;
    END IF;
    IF NEW.kind = 'voucher_used' THEN
        NEW.detail := NEW.detail - 'serial';  -- it would name a visit's code, by the moment
    END IF;
    IF _level = 1 THEN
        NEW.trace_key := CASE WHEN NEW.session_id IS NOT NULL THEN 'visit' END;
        NEW.device_trace := visit_name(NEW.session_id);
        RETURN NEW;
    END IF;
    IF NEW.kind = 'voucher_used' OR (
        NEW.session_id IS NOT NULL AND NOT NEW.detail ? 'by' AND NOT is_of_tutoring(NEW.kind)) THEN
        RETURN NULL;
    END IF;
    IF NOT is_of_tutoring(NEW.kind) THEN
        NEW.session_id := NULL;
    END IF;
    NEW.trace_key := NULL;
    NEW.device_trace := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER event_privacy BEFORE INSERT ON event
    FOR EACH ROW EXECUTE FUNCTION keep_event();

-- Set a site's level. Sessions that run lose at once what a lower level does not allow.
CREATE FUNCTION set_privacy(_site_id text, _level smallint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _before smallint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('site_privacy'));
    _before := privacy_of(_site_id);
    INSERT INTO site_privacy AS p (site_id, level, lowered)
    VALUES (_site_id, _level, _level < _before)
    ON CONFLICT (site_id) DO UPDATE
       SET level = excluded.level, lowered = p.lowered OR excluded.lowered
     WHERE p.level <> excluded.level;
    IF _level < 2 AND _level < _before THEN
        UPDATE live_session SET trace_key = CASE _level WHEN 0 THEN 'none' ELSE 'visit' END
         WHERE site_id = _site_id;
    END IF;
END $$;

-- Which ports of a public address were a device's own in a session, from then until its end. No
-- destination. public_addresses: as configured; empty: not known.
CREATE TABLE port_block (
    session_id       uuid NOT NULL,
    site_id          text NOT NULL,
    public_addresses inet[] NOT NULL,
    low              integer NOT NULL CHECK (low BETWEEN 1 AND 65535),
    high             integer NOT NULL CHECK (high BETWEEN low AND 65535),
    since            timestamptz NOT NULL,
    seen_at          timestamptz NOT NULL,         -- the gate's last word of it; deletion goes by it
    PRIMARY KEY (session_id, low)
) WITH (fillfactor = 70);
CREATE INDEX port_block_seen ON port_block (seen_at);
CREATE INDEX port_block_low ON port_block (low, since);

-- Which IPv6 addresses a device opened connections from in a session.
CREATE TABLE guest_address (
    session_id uuid NOT NULL,
    site_id    text NOT NULL,
    address    inet NOT NULL,
    since      timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    PRIMARY KEY (session_id, address)
) WITH (fillfactor = 70);
CREATE INDEX guest_address_seen ON guest_address (seen_at);
CREATE INDEX guest_address_of ON guest_address (address);

-- Take back what a lowered level does not allow, at most so many rows; return how many.
CREATE FUNCTION forget_lowered(_most integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    _site  site_privacy;
    _gone  bigint := 0;
    _count bigint;
BEGIN
    SELECT * INTO _site FROM site_privacy WHERE lowered ORDER BY site_id LIMIT 1
       FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    IF _site.level < 3 THEN
        DELETE FROM port_block WHERE site_id = _site.site_id;
        GET DIAGNOSTICS _count = ROW_COUNT;
        _gone := _gone + _count;
        DELETE FROM guest_address WHERE site_id = _site.site_id;
        GET DIAGNOSTICS _count = ROW_COUNT;
        _gone := _gone + _count;
    END IF;
    IF _site.level = 0 THEN
        DELETE FROM past_session WHERE (started_at, id) IN (
            SELECT started_at, id FROM past_session WHERE site_id = _site.site_id LIMIT _most);
        GET DIAGNOSTICS _count = ROW_COUNT;
    ELSIF _site.level = 1 THEN
        UPDATE past_session SET trace_key = 'visit', device_trace = visit_name(id),
               subject_trace = NULL
         WHERE (started_at, id) IN (
            SELECT started_at, id FROM past_session
             WHERE site_id = _site.site_id AND trace_key <> 'visit' LIMIT _most);
        GET DIAGNOSTICS _count = ROW_COUNT;
    ELSE
        _count := 0;
    END IF;
    _gone := _gone + _count;
    IF _site.level < 2 AND _count < _most THEN
        -- Events are never changed: they go, and what is to stay is written anew as the level has it.
        -- It has been told to a log collector already.
        PERFORM set_config('kvar.events_due_before', 'infinity', true);
        WITH gone AS (
            DELETE FROM event WHERE (at, id) IN (
                SELECT at, id FROM event
                 WHERE site_id = _site.site_id AND (
                       CASE WHEN _site.level = 1 THEN trace_key LIKE 'log%'
                            ELSE device_trace IS NOT NULL
                              OR (session_id IS NOT NULL AND NOT is_of_tutoring(kind)) END
                       OR (kind = 'voucher_used' AND detail ? 'serial'))
                 LIMIT _most)
            RETURNING at, kind, site_id, session_id, trace_key, device_trace, detail, origin
        ), anew AS (
            INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail, origin)
            SELECT * FROM gone
        )
        SELECT count(*) INTO _count FROM gone;
        DELETE FROM event_outbox WHERE xmin = pg_current_xact_id()::xid;
        PERFORM set_config('kvar.events_due_before', '', true);
        _gone := _gone + _count;
    END IF;
    IF _count < _most THEN
        UPDATE site_privacy SET lowered = false WHERE site_id = _site.site_id;
    END IF;
    RETURN _gone;
END $$;
