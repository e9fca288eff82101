-- Fault reports as IT works on them.

-- name: of_sites
SELECT number, at, site_id, kind, words, facts::text AS facts, by, seen_at, owner, fixed_at, fixed_by
  FROM fault_report WHERE site_id = ANY($1) AND (fixed_at IS NULL OR fixed_at > $2)
 ORDER BY fixed_at DESC NULLS FIRST, at LIMIT 500

-- name: see
UPDATE fault_report SET seen_at = coalesce(seen_at, $4), owner = $3
 WHERE number = $1 AND site_id = ANY($2) AND fixed_at IS NULL RETURNING number

-- name: fix
UPDATE fault_report SET seen_at = coalesce(seen_at, $4), owner = coalesce(owner, $3),
                        fixed_at = greatest($4, at), fixed_by = $3
 WHERE number = $1 AND site_id = ANY($2) AND fixed_at IS NULL RETURNING number

-- name: take_untold
-- reminded_at is the claim as well: of a new report until told_at is set, of a reminder for good.
WITH due AS (
    SELECT number, told_at, reminded_at FROM fault_report
     WHERE fixed_at IS NULL AND at > $1::timestamptz - interval '7 days'
       AND CASE WHEN told_at IS NULL THEN reminded_at IS NULL OR reminded_at <= $2
                ELSE seen_at IS NULL AND greatest(at, reminded_at) <= $3 END
     ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE fault_report AS f SET reminded_at = $1 FROM due WHERE f.number = due.number
RETURNING f.number, f.at, f.site_id, f.kind, f.words, f.facts::text AS facts, f.by, f.seen_at,
          f.owner, f.fixed_at, f.fixed_by, due.told_at IS NOT NULL AS reminder,
          due.reminded_at AS before

-- name: told
UPDATE fault_report SET told_at = coalesce(told_at, $2) WHERE number = $1

-- name: put_back
UPDATE fault_report SET reminded_at = $2 WHERE number = $1
