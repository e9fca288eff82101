-- Counts by five minutes, for the live page and the statistics: nobody is in them.

CREATE TABLE sign_in_tally (
    at      timestamptz NOT NULL,       -- when the five minutes begin
    site_id text NOT NULL,
    method  text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('admitted', 'refused', 'mistyped')),
    reason  text NOT NULL,
    count   bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (at, site_id, method, outcome, reason)
);

-- How many devices got online after at most so many seconds, and after more than the bound before.
CREATE TABLE wait_tally (
    at      timestamptz NOT NULL,
    site_id text NOT NULL,
    method  text NOT NULL,
    bound_s double precision NOT NULL,
    count   bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (at, site_id, method, bound_s)
);

CREATE TABLE online_sample (
    at      timestamptz NOT NULL,
    site_id text NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (at, site_id)
);

-- What each machine last told of itself.
CREATE TABLE node_report (
    node               text PRIMARY KEY,
    at                 timestamptz NOT NULL,
    version            text NOT NULL,
    in_step            boolean NOT NULL,
    gate_answers       boolean,          -- null: there is no gate
    gate_devices       integer,
    interfaces_missing integer
);
