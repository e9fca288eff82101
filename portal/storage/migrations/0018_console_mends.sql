-- Each ticket system is told by itself: one that is away, or refuses one report, keeps nothing from
-- another. fault_report.told_at and reminded_at are read no more.
CREATE TABLE fault_telling (
    number     bigint NOT NULL REFERENCES fault_report ON DELETE CASCADE,
    system     text NOT NULL,
    claimed_at timestamptz,        -- somebody tells it just now, or it was not taken
    told_at    timestamptz,        -- last; null: it waits
    PRIMARY KEY (number, system)
);
INSERT INTO fault_telling (number, system, told_at)
SELECT number, system, greatest(told_at, reminded_at)
  FROM fault_report, unnest(ARRAY['mail', 'webhook']) AS system WHERE told_at IS NOT NULL;

-- When a node last said that it forwards. The database's clock judges: nodes judge each other.
ALTER TABLE forwarding ADD COLUMN at timestamptz NOT NULL DEFAULT now();

-- What leaves is out of the reach of our deletion: no person does, and staff are persons.
CREATE OR REPLACE FUNCTION forward_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_outbox (at, kind, site_id, session_id, device, detail)
    SELECT NEW.at, NEW.kind, NEW.site_id, NEW.session_id,
           coalesce(encode(substr(NEW.device_trace, 1, 8), 'hex'), ''), NEW.detail - 'by'
      FROM forwarding;
    RETURN NULL;
END $$;
UPDATE event_outbox SET detail = detail - 'by' WHERE detail ? 'by';

-- Whatever date is asked for, a row younger than this stays: a day less than they are kept, for
-- clocks that differ.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       AND OLD.at < nullif(current_setting('kvar.audit_due_before', true), '')::timestamptz
       AND OLD.at < now() - interval '729 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the record of look-ups is never changed; rows are deleted when they are due';
END $$;
CREATE OR REPLACE FUNCTION forget_audit(_before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    _gone bigint;
BEGIN
    _before := least(_before, now() - interval '729 days');
    PERFORM set_config('kvar.audit_due_before', _before::text, true);
    DELETE FROM audit WHERE number < (
        SELECT coalesce(min(number) FILTER (WHERE at >= _before), max(number)) FROM audit);
    GET DIAGNOSTICS _gone = ROW_COUNT;
    RETURN _gone;
END $$;
