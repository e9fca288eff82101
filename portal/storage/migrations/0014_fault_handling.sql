-- What became of a fault report: who has seen it, whose it is, when it was fixed, and when somebody
-- was last reminded. Accounts are named as in the event log; nobody else is.
ALTER TABLE fault_report
    ADD COLUMN seen_at     timestamptz,
    ADD COLUMN owner       text,
    ADD COLUMN fixed_at    timestamptz,
    ADD COLUMN fixed_by    text,
    ADD COLUMN reminded_at timestamptz,
    ADD COLUMN told_at     timestamptz,   -- handed to the ticket system; null: it waits
    ADD CONSTRAINT fault_report_owner CHECK (owner IS NULL OR seen_at IS NOT NULL),
    ADD CONSTRAINT fault_report_fixed CHECK ((fixed_at IS NULL) = (fixed_by IS NULL));
CREATE INDEX fault_report_open ON fault_report (at) WHERE fixed_at IS NULL;
