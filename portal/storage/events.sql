-- The append-only event log.

-- name: record
INSERT INTO event (at, kind, site_id, trace_key, device_trace, detail, origin)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7)
ON CONFLICT (at, origin) DO NOTHING
