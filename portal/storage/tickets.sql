-- Fault reports as IT works on them.

-- name: of_sites
SELECT number, at, site_id, kind, words, facts::text AS facts, by, seen_at, owner, fixed_at,
       fixed_by, times
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
-- The claim is what counts: what two take at once only one claims. It ends with the lease, taken or
-- not, so that a report that is refused lets the others by.
WITH due AS (
    SELECT r.number FROM fault_report AS r
      LEFT JOIN fault_telling AS t ON t.number = r.number AND t.system = $1
     WHERE r.fixed_at IS NULL AND r.at > $2::timestamptz - interval '7 days'
       AND (t.claimed_at > $3) IS NOT TRUE
       AND (t.told_at IS NULL OR (r.seen_at IS NULL AND t.told_at <= $4))
     ORDER BY r.number LIMIT 1 FOR UPDATE OF r SKIP LOCKED
), claimed AS (
    INSERT INTO fault_telling AS t (number, system, claimed_at) SELECT number, $1, $2 FROM due
    ON CONFLICT (number, system) DO UPDATE SET claimed_at = excluded.claimed_at
     WHERE (t.claimed_at > $3) IS NOT TRUE AND (t.told_at > $4) IS NOT TRUE
    RETURNING number, told_at
)
SELECT r.number, r.at, r.site_id, r.kind, r.words, r.facts::text AS facts, r.by, r.seen_at, r.owner,
       r.fixed_at, r.fixed_by, r.times, c.told_at IS NOT NULL AS reminder
  FROM claimed AS c JOIN fault_report AS r USING (number)

-- name: told
UPDATE fault_telling SET told_at = $3, claimed_at = NULL WHERE number = $2 AND system = $1
