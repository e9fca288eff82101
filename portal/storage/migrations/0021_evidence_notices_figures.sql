-- Evidence of deletion, messages to guests and staff, and figures that stay when what they were
-- counted from is gone.

-- What each run of the nightly deletion did. Numbers only: nothing of what was deleted.
CREATE TABLE purge (
    id      uuid PRIMARY KEY,
    at      timestamptz NOT NULL,
    node    text NOT NULL,
    deleted jsonb NOT NULL,          -- rows by class
    oldest  jsonb NOT NULL,          -- the oldest row that is left, by class; null: there is none
    keys    text[] NOT NULL          -- names of the keys that were destroyed
);
CREATE INDEX purge_at ON purge (at);

-- A message on guests' and staff's pages, from a moment until another.
CREATE TABLE notice (
    id       uuid PRIMARY KEY,
    site_id  text,                   -- null: every library
    sv       text NOT NULL CHECK (length(sv) BETWEEN 1 AND 300),
    en       text NOT NULL CHECK (length(en) BETWEEN 1 AND 300),
    from_at  timestamptz NOT NULL,
    until_at timestamptz NOT NULL CHECK (until_at > from_at),
    made_at  timestamptz NOT NULL,
    by       text NOT NULL
);
CREATE INDEX notice_until ON notice (until_at);

-- Which devices were online today, under a key of that day which stands outside the database and is
-- destroyed the next night, when they are counted and their rows go. No two days can be compared.
CREATE TABLE device_today (
    day      date NOT NULL,          -- local
    site_id  text NOT NULL,
    name     bytea NOT NULL CHECK (octet_length(name) = 32),
    sessions integer NOT NULL,       -- begun today, four hours or more after the device was last seen
    seen_at  timestamptz NOT NULL,
    PRIMARY KEY (day, site_id, name)
) WITH (fillfactor = 70);

-- Days, counted: kept for good, since nobody is in them. site_id '' is all libraries together:
-- a device that was at two of them is one there, and their peaks are not at the same time.
CREATE TABLE day_figure (
    day            date NOT NULL,
    site_id        text NOT NULL,
    sessions       bigint,           -- null: nobody counted that day
    devices        bigint,
    online_minutes bigint NOT NULL,
    peak           bigint NOT NULL,
    PRIMARY KEY (day, site_id)
);
CREATE TABLE day_try (
    day     date NOT NULL,
    site_id text NOT NULL,
    method  text NOT NULL,
    outcome text NOT NULL,
    reason  text NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (day, site_id, method, outcome, reason)
);
CREATE TABLE day_wait (
    day     date NOT NULL,
    site_id text NOT NULL,
    method  text NOT NULL,
    bound_s double precision NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (day, site_id, method, bound_s)
);

-- Where a try was made, as far as that is known: the client that sent the visitor.
ALTER TABLE sign_in_tally
    ADD COLUMN access_point text NOT NULL DEFAULT '',
    DROP CONSTRAINT sign_in_tally_pkey,
    ADD PRIMARY KEY (at, site_id, method, outcome, reason, access_point);

-- Guests report too: under no name, and one report for all who meet the same within a day.
ALTER TABLE fault_report
    DROP COLUMN told_at,
    DROP COLUMN reminded_at,
    DROP CONSTRAINT fault_report_kind_check,
    ADD CONSTRAINT fault_report_kind_check CHECK (
        kind IN ('nobody_in', 'not_in', 'slow', 'some_sites', 'thrown_out', 'other')),
    ADD COLUMN times bigint NOT NULL DEFAULT 1;

-- For an account of many libraries and no other filter: one walk a library, not one for each of its
-- ways in and ends.
CREATE INDEX past_session_site ON past_session (site_id, started_at, id);
