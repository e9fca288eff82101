-- What is due for deletion, and the weeks to come.

-- name: attempts
WITH gone AS (DELETE FROM sign_in_attempt WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: code_attempts
WITH gone AS (DELETE FROM code_attempt WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: groups
-- A group that nobody ended is kept a day beyond its window: it may be prolonged that long.
WITH over AS (
    SELECT id FROM tutoring_group AS g
    WHERE coalesce(ended_at, ends_at) < $1
      AND NOT EXISTS (SELECT FROM live_session AS s WHERE s.group_id = g.id)
    ORDER BY id FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM tutoring_group WHERE id IN (SELECT id FROM over) RETURNING 1)
SELECT count(*) FROM gone

-- name: known_devices
WITH gone AS (DELETE FROM known_device WHERE last_used_at < $1 RETURNING 1)
SELECT count(*) FROM gone

-- name: arrivals
WITH gone AS (DELETE FROM arrival WHERE last_seen_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: courtesies
WITH gone AS (DELETE FROM courtesy WHERE given_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: tickets
WITH gone AS (DELETE FROM returning_device WHERE until < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: remembered_devices
WITH gone AS (DELETE FROM remembered_device WHERE expires_at < $1 RETURNING 1)
SELECT count(*) FROM gone

-- name: vouchers
WITH gone AS (DELETE FROM voucher WHERE over_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: series
-- Those that are made in one act, once nothing of them is left.
WITH gone AS (
    DELETE FROM voucher_series AS s WHERE is_batch AND made_at < $1
       AND NOT EXISTS (SELECT FROM voucher AS v WHERE v.letters = s.letters) RETURNING 1
)
SELECT count(*) FROM gone

-- name: staff_attempts
WITH gone AS (DELETE FROM staff_attempt WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: staff_visits
WITH gone AS (DELETE FROM staff_session WHERE ends_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: staff_links
WITH gone AS (
    UPDATE staff_account SET link_hash = NULL, link_until = NULL WHERE link_until < $1 RETURNING 1
)
SELECT count(*) FROM gone

-- name: fault_reports
WITH gone AS (DELETE FROM fault_report WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: audit
SELECT forget_audit($1) AS count

-- name: sessions
SELECT forget_sessions($1, $2) AS count

-- name: sealed_identities
-- With the last session of a guest's week.
SELECT forget_sealed() AS count

-- name: events
SELECT forget_events($1, $2) AS count

-- name: make_weeks
SELECT make_weeks($1, $2)

-- name: drop_weeks
SELECT drop_empty_weeks($1)

-- name: accounts
-- Those that nobody closed too: their access point is gone. Where no visit is written down they stay
-- for as long as an access point may say the same again.
WITH gone AS (
    DELETE FROM accounting_session AS a WHERE ended_at < $1 OR heard_at < $1
        OR (ended_at < now() - interval '1 day' AND privacy_of(a.site_id) = 0)
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: port_blocks
WITH gone AS (DELETE FROM port_block WHERE seen_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: guest_addresses
WITH gone AS (DELETE FROM guest_address WHERE seen_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: gateway_admissions
WITH gone AS (
    DELETE FROM gateway_admission WHERE greatest(asked_at, told_until) < $1 RETURNING 1
)
SELECT count(*) FROM gone

-- name: lowered
SELECT forget_lowered($1) AS count

-- name: places
WITH gone AS (
    DELETE FROM device_at_access_point AS d WHERE heard_at < $1
       AND NOT EXISTS (SELECT FROM live_session AS s WHERE s.mac = d.mac) RETURNING 1
)
SELECT count(*) FROM gone

-- name: staff_accounts
-- Nobody could sign in with them any more, and no row that they wrote in the record is left.
WITH gone AS (DELETE FROM staff_account WHERE least(disabled_at, expires_at) < $1 RETURNING 1)
SELECT count(*) FROM gone

-- name: api_tokens
-- Those that let nobody in any more; their acts stand in the events meanwhile.
WITH gone AS (DELETE FROM api_token WHERE least(expires_at, revoked_at) < $1 RETURNING 1)
SELECT count(*) FROM gone

-- name: outages
WITH gone AS (DELETE FROM uplink_outage WHERE ended_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: outbox
WITH gone AS (DELETE FROM event_outbox WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: notices
WITH gone AS (DELETE FROM notice WHERE until_at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: counts
-- And machines that have told nothing of themselves for as long.
WITH a AS (DELETE FROM sign_in_tally WHERE at < $1 RETURNING 1),
     b AS (DELETE FROM wait_tally WHERE at < $1 RETURNING 1),
     c AS (DELETE FROM online_sample WHERE at < $1 RETURNING 1),
     d AS (DELETE FROM node_report WHERE at < $1 RETURNING 1)
SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b) + (SELECT count(*) FROM c)
     + (SELECT count(*) FROM d) AS count

-- name: evidence
WITH gone AS (DELETE FROM purge WHERE at < $1 RETURNING 1) SELECT count(*) FROM gone

-- name: letters
WITH gone AS (
    DELETE FROM weekly_letter WHERE coalesce(sent_at, week::timestamp AT TIME ZONE 'UTC') < $1
    RETURNING 1
)
SELECT count(*) FROM gone

-- name: oldest
-- What is left of each class; each is the first row of an index, or of a small table.
SELECT (SELECT min(at) FROM sign_in_attempt) AS attempts,
       (SELECT min(at) FROM code_attempt) AS code_attempts,
       (SELECT min(last_used_at) FROM known_device) AS known_devices,
       (SELECT min(last_visit_at) FROM remembered_device) AS remembered_devices,
       (SELECT min(over_at) FROM voucher) AS vouchers,
       (SELECT min(started_at) FROM past_session) AS sessions,
       (SELECT min(at) FROM event) AS events,
       (SELECT min(sealed_at) FROM sealed_identity) AS sealed_identities,
       (SELECT min(at) FROM audit) AS audit,
       (SELECT min(at) FROM fault_report) AS fault_reports,
       (SELECT min(at) FROM sign_in_tally) AS counts

-- name: note
INSERT INTO purge (id, at, node, deleted, oldest, keys)
VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6) ON CONFLICT (id) DO NOTHING

-- name: last_run
SELECT id, at, node, deleted::text AS deleted, oldest::text AS oldest, keys
  FROM purge ORDER BY at DESC LIMIT 1
