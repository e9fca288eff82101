-- What is counted by five minutes, and what the live page is made of.

-- name: add
-- One statement: whoever adds knows whether all was added, or nothing.
WITH tries AS (
    INSERT INTO sign_in_tally AS t (at, site_id, method, outcome, reason, count, access_point)
    SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[],
                         $6::bigint[], $12::text[])
    ON CONFLICT (at, site_id, method, outcome, reason, access_point) DO UPDATE
       SET count = t.count + excluded.count
)
INSERT INTO wait_tally AS t (at, site_id, method, bound_s, count)
SELECT * FROM unnest($7::timestamptz[], $8::text[], $9::text[], $10::float8[], $11::bigint[])
ON CONFLICT (at, site_id, method, bound_s) DO UPDATE SET count = t.count + excluded.count

-- name: sample
INSERT INTO online_sample (at, site_id, count, tutored)
SELECT $2, site.id, count(s.id), count(s.id) FILTER (WHERE s.protected_until > $3)
  FROM unnest($1::text[]) AS site (id)
  LEFT JOIN live_session AS s ON s.site_id = site.id AND s.due_at > $3 AND NOT s.succeeded
 GROUP BY site.id
ON CONFLICT DO NOTHING

-- name: report
INSERT INTO node_report AS n (node, at, version, in_step, gate_answers, gate_devices,
                              interfaces_missing)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (node) DO UPDATE SET at = excluded.at, version = excluded.version,
    in_step = excluded.in_step, gate_answers = excluded.gate_answers,
    gate_devices = excluded.gate_devices, interfaces_missing = excluded.interfaces_missing
WHERE n.at <= excluded.at

-- name: samples
SELECT at, site_id, count FROM online_sample WHERE at >= $1 ORDER BY at

-- name: tries
-- By five minutes since $2; before that by half hours, as the page has them.
SELECT CASE WHEN at > $2 THEN at ELSE date_bin('30 minutes', at, timestamptz 'epoch') END AS at,
       site_id, method, outcome, reason, sum(count)::bigint AS count
  FROM sign_in_tally WHERE at >= $1 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1

-- name: waits
SELECT CASE WHEN at > $2 THEN at ELSE date_bin('30 minutes', at, timestamptz 'epoch') END AS at,
       site_id, method, bound_s, sum(count)::bigint AS count
  FROM wait_tally WHERE at >= $1 GROUP BY 1, 2, 3, 4 ORDER BY 1

-- name: nodes
SELECT * FROM node_report ORDER BY node

-- name: library
-- The last answer of each site, if it was none. Looked for in the last ten minutes only.
SELECT site_id FROM (
    SELECT DISTINCT ON (site_id) site_id, outcome FROM sign_in_attempt
     WHERE at > $1 AND outcome IS NOT NULL ORDER BY site_id, at DESC, id DESC
) AS last WHERE outcome = 'unavailable'

-- name: tutored
SELECT site_id, count(*) AS count FROM live_session WHERE protected_until > $1 GROUP BY site_id

-- name: points
-- Access points that visitors are at now, or tried at since $2; a radio counts that was heard since $1.
WITH visited AS (
    SELECT site_id, access_point, count(*) AS online, max(heard_at) AS heard_at,
           count(DISTINCT bss) FILTER (WHERE heard_at > $1) AS radios
      FROM accounting_session WHERE ended_at IS NULL GROUP BY site_id, access_point
), tried AS (
    SELECT DISTINCT site_id, access_point FROM sign_in_tally WHERE at > $2 AND access_point <> ''
)
SELECT site_id, access_point AS name, coalesce(v.online, 0) AS online,
       coalesce(v.radios, 0) AS radios,
       greatest(v.heard_at, (SELECT max(p.heard_at) FROM device_at_access_point AS p
                              WHERE p.access_point = coalesce(v.access_point, t.access_point)))
           AS heard_at
  FROM visited AS v FULL JOIN tried AS t USING (site_id, access_point)
 ORDER BY site_id, name

-- name: point_tries
SELECT max(at) AS at, site_id, '' AS method, outcome, reason, sum(count)::bigint AS count,
       access_point
  FROM sign_in_tally WHERE at > $1 AND access_point <> '' GROUP BY site_id, outcome, reason, access_point

-- name: news
SELECT at, kind, site_id FROM event WHERE at > $1 AND kind = ANY($2) ORDER BY at DESC LIMIT 20
