-- Events on their way to the organisation's log collector. An event waits here from the very
-- transaction that wrote it, so none is lost between; it goes when it was sent. While nobody
-- forwards (the usual case) forwarding holds no row, and nothing is kept.
CREATE TABLE forwarding (
    one bool PRIMARY KEY DEFAULT true CHECK (one)
);

CREATE TABLE event_outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    site_id    text NOT NULL,
    session_id uuid,
    device     text NOT NULL,      -- eight octets of the pseudonym: as long as its key lives
    detail     jsonb NOT NULL,
    taken_until timestamptz
);

CREATE FUNCTION forward_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_outbox (at, kind, site_id, session_id, device, detail)
    SELECT NEW.at, NEW.kind, NEW.site_id, NEW.session_id,
           coalesce(encode(substr(NEW.device_trace, 1, 8), 'hex'), ''), NEW.detail
      FROM forwarding;
    RETURN NULL;
END $$;
CREATE TRIGGER event_is_forwarded AFTER INSERT ON event
    FOR EACH ROW EXECUTE FUNCTION forward_event();
