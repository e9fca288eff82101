-- The append-only event log.

-- name: record
INSERT INTO event (at, kind, site_id, trace_key, device_trace, detail)
VALUES ($1, $2, $3, $4, $5, $6::jsonb)
