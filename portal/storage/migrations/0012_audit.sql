-- Who looked up, compared, revealed or exported what, and why. Rows are only added; each one's hash
-- covers the one before (portal/domain/audit_chain.py computes the same).

CREATE TABLE audit (
    number      bigint PRIMARY KEY,
    at          timestamptz NOT NULL,
    by          text NOT NULL,
    act         text NOT NULL CHECK (act IN ('look_up', 'compare', 'reveal', 'export', 'complaint')),
    reason      text NOT NULL CHECK (reason <> ''),
    case_number text NOT NULL CHECK (case_number <> '' AND length(case_number) <= 40),
    about       text NOT NULL CHECK (length(about) <= 300),
    found       integer NOT NULL,
    previous    bytea NOT NULL CHECK (octet_length(previous) = 32),
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE INDEX audit_at ON audit (at);

CREATE FUNCTION audit_hash(_row audit) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(_row.previous || string_agg(
        convert_to(octet_length(convert_to(part, 'UTF8')) || ':' || part || ',', 'UTF8'), ''::bytea
        ORDER BY place))
      FROM unnest(ARRAY[
        _row.number::text, (extract(epoch FROM _row.at) * 1000000)::bigint::text, _row.by,
        _row.act, _row.reason, _row.case_number, _row.about, _row.found::text
      ]) WITH ORDINALITY AS parts (part, place)
$$;

-- Whatever an insert says of number and hashes, these are the right ones. One writer at a time.
CREATE FUNCTION chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit'));
    SELECT number + 1, hash INTO NEW.number, NEW.previous FROM audit ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        NEW.number := 1;
        NEW.previous := decode(repeat('00', 32), 'hex');
    END IF;
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_is_a_chain BEFORE INSERT ON audit
    FOR EACH ROW EXECUTE FUNCTION chain_audit();

-- Deleted only by forget_audit, and the newest row never: the chain goes on from it.
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       AND OLD.at < nullif(current_setting('kvar.audit_due_before', true), '')::timestamptz THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the record of look-ups is never changed; rows are deleted when they are due';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- From the oldest on, so that what is left is a chain still, whatever the clock did meanwhile.
CREATE FUNCTION forget_audit(_before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    _gone bigint;
BEGIN
    PERFORM set_config('kvar.audit_due_before', _before::text, true);
    DELETE FROM audit WHERE number < (
        SELECT coalesce(min(number) FILTER (WHERE at >= _before), max(number)) FROM audit);
    GET DIAGNOSTICS _gone = ROW_COUNT;
    RETURN _gone;
END $$;
