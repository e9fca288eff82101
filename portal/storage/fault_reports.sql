-- Fault reports, and the facts that go with them.

-- name: add
INSERT INTO fault_report (at, site_id, kind, words, facts, by)
VALUES ($1, $2, $3, $4, $5::jsonb, $6) RETURNING number

-- name: join
-- The words are from a fixed list each: a report cannot grow without end.
UPDATE fault_report AS r SET times = r.times + 1, facts = r.facts || (
    SELECT coalesce(jsonb_object_agg(said.name, coalesce(r.facts -> said.name, '{}')
        || jsonb_build_object(said.word, coalesce((r.facts -> said.name ->> said.word)::bigint, 0) + 1)
    ), '{}') FROM unnest($5::text[], $6::text[]) AS said (name, word))
 WHERE number = (
    SELECT number FROM fault_report
     WHERE site_id = $1 AND kind = $2 AND by = $3 AND at > $4 AND fixed_at IS NULL
     ORDER BY number LIMIT 1)
RETURNING number

-- name: health
SELECT
    coalesce((SELECT a.outcome = 'unavailable' FROM sign_in_attempt AS a
               WHERE a.site_id = $1 AND a.at > $4 AND a.outcome IS NOT NULL
               ORDER BY a.at DESC, a.id DESC LIMIT 1), false) AS library_is_away,
    (SELECT coalesce(jsonb_object_agg(outcome, count), '{}')
       FROM (SELECT a.outcome, count(*) AS count FROM sign_in_attempt AS a
              WHERE a.site_id = $1 AND a.at > $3 AND a.outcome IS NOT NULL
              GROUP BY a.outcome) AS one) AS checks,
    (SELECT coalesce(jsonb_object_agg(reason, count), '{}')
       FROM (SELECT e.detail ->> 'reason' AS reason, count(*) AS count FROM event AS e
              WHERE e.site_id = $1 AND e.at > $3 AND e.kind = 'sign_in_refused'
              GROUP BY 1 ORDER BY 2 DESC LIMIT 5) AS one) AS refusals,
    (SELECT count(*) FROM arrival AS a
      WHERE a.site_id = $1 AND a.last_seen_at > $5 AND a.admitted_at IS NULL) AS waiting,
    (SELECT count(*) FROM live_session AS s WHERE s.site_id = $1 AND s.due_at > $2) AS online
