-- Faults that a desk reports to IT: what happened in a word, and what the machine knew. No person,
-- card, device or address is in it; long numbers in the desk's own words are struck out before.
CREATE TABLE fault_report (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    site_id text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('nobody_in', 'slow', 'some_sites', 'thrown_out', 'other')),
    words   text NOT NULL CHECK (length(words) <= 500),
    facts   jsonb NOT NULL,
    by      text NOT NULL
);
CREATE INDEX fault_report_site ON fault_report (site_id, at DESC);
