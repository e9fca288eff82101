-- What access points tell over RADIUS: the accounts of devices' visits there, and where each device
-- was heard of last.

-- One row a visit as the access point counts it (RFC 2866). The name is a keyed hash of the client,
-- the access point, its own session id and the device; no address, no name of a person.
CREATE TABLE accounting_session (
    name            bytea PRIMARY KEY CHECK (octet_length(name) = 32),
    access_point    text NOT NULL,               -- the RADIUS client
    nas             bytea NOT NULL,              -- NAS-Identifier, or its address
    bss             bytea NOT NULL,              -- Called-Station-Id: one radio, one network
    site_id         text NOT NULL,
    session_id      uuid,                        -- ours, as Class says
    started_at      timestamptz NOT NULL,
    told_at         timestamptz NOT NULL,        -- the latest event in it
    heard_at        timestamptz NOT NULL,        -- the latest sign of it, by our clock
    upload_octets   bigint NOT NULL,
    download_octets bigint NOT NULL,
    -- What the access point's counters do not show any more of these.
    upload_before   bigint NOT NULL,
    download_before bigint NOT NULL,
    duration        interval NOT NULL,
    restarted_at    timestamptz,
    ended_at        timestamptz,
    closed_by       text CHECK (closed_by IN ('stop', 'reboot', 'silence')),
    cause           integer,                     -- RFC 2866, section 5.10
    CHECK ((ended_at IS NULL) = (closed_by IS NULL))
) WITH (fillfactor = 70);                        -- interims are written in place
CREATE INDEX accounting_session_open ON accounting_session (access_point, nas)
    WHERE ended_at IS NULL;
CREATE INDEX accounting_session_ended ON accounting_session (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX accounting_session_of ON accounting_session (session_id) WHERE session_id IS NOT NULL;

-- Where an access point can be told something about a device. In clear as in live_session and
-- arrival, and for a day at most after it was last heard of.
CREATE TABLE device_at_access_point (
    mac                   macaddr PRIMARY KEY,
    access_point          text NOT NULL,
    heard_at              timestamptz NOT NULL,
    let_in                boolean NOT NULL,      -- what the access point was last told
    ip                    text,
    user_name             bytea NOT NULL,
    accounting_session_id bytea,
    audit_session_id      bytea,
    source_ip             text NOT NULL,
    nas_ip                text,
    nas_identifier        bytea,
    nas_port              bigint,
    called                bytea NOT NULL,
    ssid                  bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX device_at_access_point_heard ON device_at_access_point (heard_at);

-- Bytes that were counted for one session, the total within what the column can hold.
CREATE FUNCTION grown(_before bigint, _added numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT least(_before + _added, 9223372036854775807)::bigint
$$;

-- When a session began, to the millisecond, as its id has it (UUIDv7, RFC 9562 section 5.7): the
-- partition in which its history stands.
CREATE FUNCTION began_at(_id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '1970-01-01 00:00+00' + interval '1 millisecond'
           * ('x0000' || left(replace(_id::text, '-', ''), 12))::bit(64)::bigint
$$;
