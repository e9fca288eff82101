-- Staff: who may sign in to the staff site, who has, and who tries. No guest is named here.

CREATE TABLE staff_account (
    id            uuid PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{1,39}$'),
    roles         text[] NOT NULL CHECK (cardinality(roles) > 0
                      AND roles <@ ARRAY['desk', 'site_manager', 'it', 'auditor']),
    sites         text[],                      -- null: every site
    password_hash text,                        -- argon2id
    totp_secret   bytea,                       -- sealed with a key that is not in the database
    totp_step     bigint NOT NULL DEFAULT 0,   -- the last time step whose code was taken
    link_hash     bytea UNIQUE CHECK (octet_length(link_hash) = 32),
    link_until    timestamptz,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    disabled_at   timestamptz
);

-- Each row is one code that was not used yet.
CREATE TABLE staff_recovery_code (
    account_id uuid NOT NULL REFERENCES staff_account ON DELETE CASCADE,
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (account_id, hash)
);

CREATE TABLE staff_session (
    id             uuid PRIMARY KEY,           -- what the list of one's sessions names it by
    token_hash     bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    account_id     uuid NOT NULL REFERENCES staff_account ON DELETE CASCADE,
    stage          text NOT NULL CHECK (stage IN ('code', 'enrolling', 'open')),
    site_id        text,
    started_at     timestamptz NOT NULL,
    last_used_at   timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL CHECK (ends_at > started_at),
    locked         boolean NOT NULL DEFAULT false,
    label          text NOT NULL,              -- "Windows"; never what a browser wrote
    pending_secret bytea                       -- sealed: offered, and not confirmed yet
);
CREATE INDEX staff_session_account ON staff_session (account_id);
CREATE INDEX staff_session_ends ON staff_session (ends_at);

-- Names and addresses are keyed hashes: people type passwords into the field of the name.
CREATE TABLE staff_attempt (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('password', 'code', 'link')),
    account bytea NOT NULL CHECK (octet_length(account) = 32),
    place   bytea NOT NULL CHECK (octet_length(place) = 32),
    right_  boolean                            -- null: not judged yet, counts as wrong
);
CREATE INDEX staff_attempt_account ON staff_attempt (account, at);
CREATE INDEX staff_attempt_place ON staff_attempt (place, at);
CREATE INDEX staff_attempt_at ON staff_attempt (at);

-- Reserve one attempt, and say what stands against it. Under the locks of account and address, so
-- that attempts made in parallel see each other. An address is known to an account for 30 days
-- after a whole sign-in there (its second factor was right), and then has a budget of its own.
CREATE FUNCTION reserve_staff_attempt(
    _account bytea, _place bytea, _kind text, _now timestamptz,
    OUT id bigint, OUT account_wrong bigint, OUT account_last_at timestamptz,
    OUT place_wrong bigint, OUT place_last_at timestamptz
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    _until timestamptz := _now + interval '1 minute';  -- other nodes' clocks may be ahead
    _known bytea[];
    _here  boolean;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM lock_in_order(ARRAY[lock_of(_account), lock_of(_place)]);

    SELECT coalesce(array_agg(DISTINCT a.place), '{}') INTO _known
      FROM staff_attempt a
     WHERE a.account = _account AND a.kind = 'code' AND a.right_
       AND a.at > _now - interval '30 days';
    _here := _place = ANY (_known);

    SELECT count(*), max(a.at) INTO account_wrong, account_last_at
      FROM staff_attempt a
     WHERE a.account = _account AND a.kind = _kind AND a.right_ IS NOT TRUE
       AND a.at > _now - interval '24 hours' AND a.at <= _until
       AND CASE WHEN _here THEN a.place = _place ELSE a.place <> ALL (_known) END
       AND a.id > coalesce((SELECT max(s.id) FROM staff_attempt s
                            WHERE s.account = _account AND s.place = _place AND s.kind = _kind
                              AND s.right_), 0);

    SELECT count(*), max(a.at) INTO place_wrong, place_last_at
      FROM staff_attempt a
     WHERE a.place = _place AND a.kind = _kind AND a.right_ IS NOT TRUE
       AND a.at > _now - interval '1 hour' AND a.at <= _until;

    INSERT INTO staff_attempt AS a (at, kind, account, place)
    VALUES (_now, _kind, _account, _place) RETURNING a.id INTO id;
END $$;
