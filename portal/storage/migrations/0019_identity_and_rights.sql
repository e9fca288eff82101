-- Sealed card numbers, what a person may ask for, and accounts that are looked over once a year.

-- Accounts ------------------------------------------------------------------------------------

ALTER TABLE staff_account
    ADD COLUMN last_sign_in_at timestamptz,
    ADD COLUMN reviewed_at     timestamptz,   -- somebody confirmed that it is needed still
    ADD COLUMN reviewed_by     text,
    DROP CONSTRAINT staff_account_roles_check,
    ADD CONSTRAINT staff_account_roles_check CHECK (cardinality(roles) > 0
        AND roles <@ ARRAY['desk', 'site_manager', 'it', 'auditor', 'privacy']);

-- Which acts there are is the program's to say (portal/domain/audit_chain.py).
ALTER TABLE audit DROP CONSTRAINT audit_act_check,
    ADD CONSTRAINT audit_act_check CHECK (act ~ '^[a-z_]{1,20}$');

-- Sealed card numbers -------------------------------------------------------------------------

-- The card of a guest, who is called so in one week's history. Two keys are needed to read it: the
-- organisation's, which is on none of our machines, and that week's log key.
CREATE TABLE sealed_identity (
    guest     bytea PRIMARY KEY CHECK (octet_length(guest) = 32),
    trace_key text NOT NULL,
    sealed    bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);

-- Delete those whose sessions are gone. A row is written with its session in one transaction.
CREATE FUNCTION forget_sealed(_of bytea[] DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    _gone bigint;
BEGIN
    DELETE FROM sealed_identity AS i
     WHERE (_of IS NULL OR i.guest = ANY(_of))
       AND NOT EXISTS (SELECT FROM live_session AS s WHERE s.subject_trace = i.guest)
       AND NOT EXISTS (SELECT FROM past_session AS s WHERE s.subject_trace = i.guest);
    GET DIAGNOSTICS _gone = ROW_COUNT;
    RETURN _gone;
END $$;

-- What is kept of one card, voucher or device -------------------------------------------------

CREATE INDEX event_of_voucher ON event ((detail ->> 'serial')) WHERE kind = 'voucher_used';

-- Delete all that stands under these names, end what runs, and write down who did it and why, in
-- one transaction. "told" counts what was deleted by its kind, "macs" are out.
--
-- _subjects and _devices are names under the keys of years, _guests and _traces under those of
-- weeks, _counted are of days; _macs are addresses; a place is a device's in a voucher.
CREATE FUNCTION erase_subject(
    _subjects bytea[], _guests bytea[], _devices bytea[], _traces bytea[], _macs macaddr[],
    _vouchers uuid[], _place_vouchers uuid[], _place_devices bytea[], _counted bytea[],
    _at timestamptz, _by text, _reason text, _case_number text, _what text
) RETURNS TABLE (told jsonb, macs macaddr[], number bigint, hash bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _gone      live_session;
    _ids       uuid[] := '{}';
    _seen      bytea[] := '{}';       -- devices in the sessions that go
    _owners    bytea[] := _guests;    -- guests in the sessions that go
    _told      jsonb := '{}';
    _count     bigint;
    _total     integer;
    _past      record;
    _serials   text[];
BEGIN
    PERFORM lock_in_order(
        ARRAY(SELECT lock_of(s) FROM unnest(_subjects) AS s)
        || ARRAY(SELECT hashtextextended(m::text, 0) FROM unnest(_macs) AS m));
    PERFORM FROM live_session WHERE subject = ANY(_subjects) OR mac = ANY(_macs)
      ORDER BY id FOR UPDATE;

    macs := '{}';
    FOR _gone IN
        DELETE FROM live_session AS s WHERE s.subject = ANY(_subjects) OR s.mac = ANY(_macs)
        RETURNING s.*
    LOOP
        _ids := _ids || _gone.id;
        _seen := _seen || _gone.device_trace;
        macs := macs || _gone.mac;
        IF _gone.subject_trace IS NOT NULL THEN
            _owners := _owners || _gone.subject_trace;
        END IF;
        PERFORM pg_notify('kvar_session', 'ended ' || _gone.site_id || ' ' || _gone.id);
    END LOOP;
    FOR _past IN
        DELETE FROM past_session AS s
         WHERE s.subject_trace = ANY(_guests) OR s.device_trace = ANY(_traces)
        RETURNING s.id, s.device_trace, s.subject_trace
    LOOP
        _ids := _ids || _past.id;
        _seen := _seen || _past.device_trace;
        IF _past.subject_trace IS NOT NULL THEN
            _owners := _owners || _past.subject_trace;
        END IF;
    END LOOP;
    _told := _told || jsonb_build_object('session', cardinality(_ids));

    SELECT array_agg(serial_of(v)) INTO _serials FROM voucher AS v WHERE v.id = ANY(_vouchers);
    -- The event log refuses every deletion but that of what is due: for this transaction, these.
    PERFORM set_config('kvar.events_due_before', 'infinity', true);
    DELETE FROM event WHERE device_trace = ANY(_traces)
        OR (device_trace = ANY(_seen) AND session_id = ANY(_ids))
        OR (kind = 'voucher_used' AND detail ->> 'serial' = ANY(_serials));
    GET DIAGNOSTICS _count = ROW_COUNT;
    PERFORM set_config('kvar.events_due_before', '', true);
    _told := _told || jsonb_build_object('event', _count);
    DELETE FROM event_outbox WHERE session_id = ANY(_ids) OR device = ANY(
        ARRAY(SELECT encode(substr(t, 1, 8), 'hex') FROM unnest(_traces) AS t));
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('event_to_forward', _count);
    DELETE FROM accounting_session WHERE session_id = ANY(_ids);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('accounting', _count);

    DELETE FROM port_block WHERE session_id = ANY(_ids);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('ports', _count);
    DELETE FROM guest_address WHERE session_id = ANY(_ids);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('address', _count);
    DELETE FROM device_today WHERE name = ANY(_counted);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('counted_today', _count);

    DELETE FROM sign_in_attempt WHERE card = ANY(_subjects) OR device = ANY(_devices);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('attempt', _count);
    DELETE FROM code_attempt WHERE device = ANY(_devices);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('code_attempt', _count);
    DELETE FROM known_device WHERE card = ANY(_subjects) OR device = ANY(_devices);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('known_device', _count);
    DELETE FROM remembered_device WHERE subject = ANY(_subjects) OR device = ANY(_devices);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('remembered_device', _count);
    -- A ticket is called as its device is in the week's history: so are those of what just ended.
    DELETE FROM returning_device WHERE subject = ANY(_subjects) OR device = ANY(_traces);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('ticket', _count);
    DELETE FROM courtesy WHERE device = ANY(_devices);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('courtesy', _count);

    DELETE FROM arrival WHERE mac = ANY(_macs || macs);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('arrival', _count);
    DELETE FROM device_at_access_point WHERE mac = ANY(_macs || macs) AND NOT let_in;
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('place', _count);
    -- Where the access point must be told first that the device is out, the row goes within hours.
    UPDATE device_at_access_point SET heard_at = least(heard_at, _at - interval '23 hours')
     WHERE mac = ANY(_macs || macs);

    DELETE FROM voucher_device AS d WHERE d.voucher_id = ANY(_vouchers) OR EXISTS (
        SELECT FROM unnest(_place_vouchers, _place_devices) AS p (voucher_id, device)
         WHERE p.voucher_id = d.voucher_id AND p.device = d.device);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('voucher_place', _count);
    DELETE FROM voucher WHERE id = ANY(_vouchers);
    GET DIAGNOSTICS _count = ROW_COUNT;
    _told := _told || jsonb_build_object('voucher', _count);
    _told := _told || jsonb_build_object('sealed_identity', forget_sealed(_owners));

    SELECT sum(value::integer) INTO _total FROM jsonb_each_text(_told);
    RETURN QUERY
        WITH written AS (
            INSERT INTO audit (at, by, act, reason, case_number, about, found)
            SELECT _at, _by, 'erase', _reason, _case_number, left(_what || coalesce(': ' || (
                       SELECT string_agg(key || ' ' || value, ', ' ORDER BY key)
                         FROM jsonb_each_text(_told) WHERE value <> '0'), ''), 300), _total
            RETURNING audit.number, audit.hash
        )
        SELECT _told, macs, written.number, written.hash FROM written;
END $$;
